/* Attributes the whole tree uses.  No logic here. */
#ifndef TSN_BASE_COMPILER_H
#define TSN_BASE_COMPILER_H

#define TSN_MUST_CHECK __attribute__((warn_unused_result))
#define TSN_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TSN_CLEANUP(fn) __attribute__((cleanup(fn)))
#define TSN_NORETURN __attribute__((noreturn))
#define TSN_COLD __attribute__((cold, noinline))
#define TSN_LIKELY(x) __builtin_expect(!!(x), 1)
#define TSN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TSN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** Hands a pointer over: yields its value and leaves NULL behind. */
#define TSN_STEAL(p)                          \
	({                                    \
		__typeof__(p) tsn_taken_ = (p);\
		(p) = NULL;                   \
		tsn_taken_;                   \
	})

#endif
