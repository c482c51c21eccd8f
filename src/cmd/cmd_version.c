/* tocsin version: what this program was made of. */
#include <stdio.h>

#include <libfyaml.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sqlite3.h>
#include <zstd.h>

#include "cmd/cmd_list.h"

static int
run(int argc, char **argv)
{
	char pcre2[64] = "";
	int operands;
	int status = tsn_cmd_options(&tsn_cmd_version, NULL, 0, argc, argv, &operands);

	if (status >= 0)
		return status;
	if (operands > 0)
		return tsn_cmd_usage(&tsn_cmd_version, "takes no operands");
	(void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	(void)printf("tocsin %s\n", TSN_VERSION);
	(void)printf("build     %s, %s\n", __VERSION__, TSN_BUILD_TYPE);
	(void)printf("zstd      %s\nsqlite    %s\npcre2     %s\nlibfyaml  %s\n",
	    ZSTD_versionString(), sqlite3_libversion(), pcre2, fy_library_version());
	return TSN_EXIT_DONE;
}

const struct tsn_command tsn_cmd_version = {
	.name = "version",
	.usage = "",
	.doc = "version, build and library versions",
	.run = run,
};
