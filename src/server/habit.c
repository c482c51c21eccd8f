#include "server/habit.h"

#include <string.h>

#include "base/time.h"

#define HOUR_NS (3600 * TSN_NS_PER_SEC)
#define RECORDS_MIN 20u		/* of a source that has a habit at all */
#define HOUR_RECORDS_MIN 100u	/* of an hour worth comparing */
#define DAYS_MIN 3u
#define GAP_FACTOR 3
#define GAP_FADES 128		/* of an hour: half in four days */

int64_t
tsn_habit_limit_ns(const struct tsn_habit *h, const struct tsn_habit_limits *limits)
{
	int64_t limit = h->gap_ns > INT64_MAX / GAP_FACTOR ? INT64_MAX : h->gap_ns * GAP_FACTOR;

	return limit > limits->silence_ns ? limit : limits->silence_ns;
}

static bool
is_known(const struct tsn_habit *h, const struct tsn_habit_limits *limits, uint64_t received,
    int64_t now_ns)
{
	return received >= RECORDS_MIN && now_ns - h->first_ns >= limits->history_ns;
}

static enum tsn_habit_news
look_at_silence(struct tsn_habit *h, const struct tsn_habit_limits *limits, uint64_t received,
    int64_t last_ns, int64_t now_ns)
{
	bool was = h->silent;

	if (last_ns > h->last_ns) {
		/* A pause that was not watched from its beginning says nothing. */
		if (h->last_ns >= limits->started_ns && last_ns - h->last_ns > h->gap_ns && !was)
			h->gap_ns = last_ns - h->last_ns;
		h->last_ns = last_ns;
		h->silent = false;
		return was ? TSN_HABIT_BACK : TSN_HABIT_NOTHING;
	}
	if (last_ns < limits->started_ns)
		last_ns = limits->started_ns;
	if (was || !is_known(h, limits, received, now_ns) ||
	    now_ns - last_ns < tsn_habit_limit_ns(h, limits))
		return TSN_HABIT_NOTHING;
	h->silent = true;
	return TSN_HABIT_SILENT;
}

static void
sort(uint32_t *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k > 0 && v[k - 1] > v[k]; k--) {
			uint32_t t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

static enum tsn_habit_news
judge_hour(struct tsn_habit *h, uint64_t count, struct tsn_habit_hour *ret_hour)
{
	uint32_t hour = (uint32_t)(h->hour % (int64_t)TSN_HABIT_HOURS), days = h->days[hour];
	uint32_t v[TSN_HABIT_DAYS];

	if (days < DAYS_MIN)
		return TSN_HABIT_NOTHING;
	memcpy(v, h->counts[hour], sizeof v);
	sort(v, days);
	*ret_hour = (struct tsn_habit_hour){.begin_ns = h->hour * HOUR_NS, .count = count,
		.median = v[days / 2], .least = v[0], .most = v[days - 1]};
	if (ret_hour->median < HOUR_RECORDS_MIN || count * 2 >= ret_hour->median ||
	    count * 5 >= (uint64_t)ret_hour->least * 4)
		return TSN_HABIT_NOTHING;
	return count * 10 < ret_hour->median ? TSN_HABIT_VERY_LOW : TSN_HABIT_LOW;
}

static void
note_hour(struct tsn_habit *h, uint64_t count)
{
	uint32_t hour = (uint32_t)(h->hour % (int64_t)TSN_HABIT_HOURS);
	uint32_t *counts = h->counts[hour];

	memmove(counts + 1, counts, (TSN_HABIT_DAYS - 1) * sizeof *counts);
	counts[0] = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
	if (h->days[hour] < TSN_HABIT_DAYS)
		h->days[hour]++;
}

static enum tsn_habit_news
look_at_hour(struct tsn_habit *h, const struct tsn_habit_limits *limits, uint64_t received,
    int64_t now_ns, struct tsn_habit_hour *ret_hour)
{
	enum tsn_habit_news news = TSN_HABIT_NOTHING;
	int64_t hour = now_ns / HOUR_NS;

	if (hour == h->hour)
		return news;
	if (h->hour != 0 && h->hour_whole && hour == h->hour + 1 && received >= h->hour_received) {
		news = judge_hour(h, received - h->hour_received, ret_hour);
		note_hour(h, received - h->hour_received);
	}
	h->low = news != TSN_HABIT_NOTHING;
	h->gap_ns -= h->gap_ns / GAP_FADES;
	h->hour_whole = h->hour != 0 && hour * HOUR_NS >= limits->started_ns;
	h->hour = hour;
	h->hour_received = received;
	return news;
}

enum tsn_habit_news
tsn_habit_look(struct tsn_habit *h, const struct tsn_habit_limits *limits, uint64_t received,
    int64_t last_ns, int64_t now_ns, struct tsn_habit_hour *ret_hour)
{
	enum tsn_habit_news hour, silence;

	if (h->first_ns == 0)
		h->first_ns = now_ns;
	hour = look_at_hour(h, limits, received, now_ns, ret_hour);
	silence = look_at_silence(h, limits, received, last_ns, now_ns);
	/* Silence says it all. */
	if (silence != TSN_HABIT_NOTHING || h->silent)
		return silence;
	return hour;
}
