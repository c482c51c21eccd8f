/* pipeline/xml_int: a small tree of an XML document, and paths over it. */
#ifndef TSN_PIPELINE_XML_INT_H
#define TSN_PIPELINE_XML_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define TSN_XML_DEPTH_MAX 128u
#define TSN_XML_NODES_MAX 200000u

enum tsn_xml_kind { TSN_XML_ELEMENT, TSN_XML_TEXT, TSN_XML_ATTRIBUTE };

struct tsn_xml {
	enum tsn_xml_kind kind;
	struct tsn_slice name, text;
	struct tsn_xml *parent, *first, *last, *next;	/* children, siblings */
	struct tsn_xml *attributes;			/* through next */
	uint32_t order;
};

/** The root element; no entities but those of XML itself, no DTD is followed. */
TSN_MUST_CHECK enum tsn_code tsn_xml_parse(struct tsn_arena *a, struct tsn_slice text,
    bool strip_namespaces, struct tsn_xml **ret_root, struct tsn_err *err);
/** All text below, in order. */
void tsn_xml_text(const struct tsn_xml *n, struct tsn_buf *out);
/** An element as XML, a text escaped, an attribute's value. */
void tsn_xml_write(const struct tsn_xml *n, struct tsn_buf *out);

struct tsn_xpath;

/** XPath 1.0's location paths, predicates, unions and common functions.  NULL and err: not that. */
TSN_MUST_CHECK enum tsn_code tsn_xpath_new(struct tsn_arena *a, struct tsn_slice text,
    struct tsn_xpath **ret, struct tsn_err *err);
/** The nodes, in order of the document; their array is the arena's.  NULL: memory. */
struct tsn_xml **tsn_xpath_find(const struct tsn_xpath *x, struct tsn_xml *root,
    struct tsn_arena *a, uint32_t *ret_count);

#endif
