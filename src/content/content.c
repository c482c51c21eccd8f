#include "content/content.h"

const struct tsn_content_file *
tsn_content_find(struct tsn_slice name)
{
	for (size_t i = 0; i < tsn_content_file_count; i++)
		if (tsn_slice_eq(tsn_content_files[i].name, name))
			return &tsn_content_files[i];
	return NULL;
}

const struct tsn_content_file *
tsn_content_below(struct tsn_slice folder, size_t *ret_count)
{
	const struct tsn_content_file *first = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < tsn_content_file_count; i++) {
		if (!tsn_slice_starts(tsn_content_files[i].name, folder))
			continue;
		if (first == NULL)
			first = &tsn_content_files[i];
		++*ret_count;
	}
	return first;
}
