/* alert/alerts: the open queue, for the files that write to it. */
#ifndef TSN_ALERT_ALERTS_INT_H
#define TSN_ALERT_ALERTS_INT_H

#include <stdio.h>
#include <string.h>

#include "alert/alerts.h"
#include "alert/alerts_risk.h"
#include "db/db.h"

enum statement { FIND, INSERT, UPDATE, RISK_HIT, RISK_FIRE, STATEMENT__COUNT };

struct tsn_alerts {
	struct tsn_db db;
	sqlite3_stmt *statements[STATEMENT__COUNT];
};

#endif
