// SPDX-License-Identifier: Apache-2.0
// The verbs of the shell: how each is written and what it does.
#pragma once

#include "cluster/base/bytes.h"

#include <stdio.h>

enum shell_verb_id {
    VERB_PUT,
    VERB_GET,
    VERB_REMOVE,
    VERB_REPLACE,
    VERB_GETPUT,
    VERB_CONTAINS,
    VERB_TOUCH,
    VERB_MERGE,
    VERB_INCR,
    VERB_SCAN,
    VERB_SIZE,
    VERB_CLEAR,
    VERB_MAPS,
    VERB_SELECT,
    VERB_WATCH,
    VERB_EXPLAIN,
    VERB_SUBSCRIPTIONS,
    VERB_LOAD,
    VERB_CLUSTER,
    VERB_MEMBERS,
    VERB_PARTITIONS,
    VERB_LOCATE,
    VERB_STATS,
    VERB_PING,
    VERB_TIMING,
    VERB_OUTPUT,
    VERB_HELP,
    VERB_QUIT,
};

// Clauses that may follow the arguments.
enum shell_clause {
    CLAUSE_TTL = 1,
    CLAUSE_IDLE = 2,
    CLAUSE_ABSENT = 4,
    CLAUSE_VERSION = 8,
    CLAUSE_LIMIT = 16,
};

struct shell_verb {
    enum shell_verb_id id;
    const char *name;
    // What follows the name, a letter each: m map, k key, v value, d duration; in upper case, and
    // always last, what may be left out: I integer, W word. NULL: read by a function of its own.
    const char *arguments;
    unsigned clauses; // of enum shell_clause
    const char *synopsis;
    const char *summary;
    const char *details; // for `help VERB`; "" for none
};

// NULL when there is none of this name (in any case).
const struct shell_verb *shell_verb_find(struct bytes name);

// All verbs, in the order of the help; ends with a NULL name.
const struct shell_verb *shell_verbs(void);

// The verb whose name is nearest to what was written, or NULL when none is near.
const struct shell_verb *shell_verb_nearest(struct bytes name);

// `help` and, for `verb` not NULL, `help VERB`.
void shell_verb_help(FILE *file, const struct shell_verb *verb);
