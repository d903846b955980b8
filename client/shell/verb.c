// SPDX-License-Identifier: Apache-2.0
#include "client/shell/verb.h"

#include "cluster/base/name.h"

#include <strings.h>

#define KEY_DETAILS                                                                                \
    "KEY is an integer, text, or x'hex'. Text needs quotes ('...' or \"...\") only where it "      \
    "holds\n"                                                                                      \
    "blanks or looks like a number.\n"
#define VALUE_DETAILS                                                                              \
    "VALUE is JSON; a bare word that is no JSON, and anything in '...', is text.\n"
#define TTL_DETAILS                                                                                \
    "TTL and IDLE limit the life of the entry since its writing and since its last use: 500 or\n"  \
    "500ms, 10s, 5m, 2h, 1d.\n"

static const struct shell_verb verbs[] = {
    {VERB_PUT, "put", "mkv", CLAUSE_TTL | CLAUSE_IDLE | CLAUSE_ABSENT | CLAUSE_VERSION,
     "put MAP KEY VALUE [TTL d] [IDLE d] [IF ABSENT | IF VERSION n]", "write an entry",
     KEY_DETAILS VALUE_DETAILS TTL_DETAILS
     "Example: put users 42 {\"name\": \"Ada\", \"age\": 36} ttl 10m\n"},
    {VERB_GET, "get", "mk", 0, "get MAP KEY", "show the value of an entry",
     KEY_DETAILS "Fails when there is no such entry.\n"},
    {VERB_REMOVE, "remove", "mk", CLAUSE_VERSION, "remove MAP KEY [IF VERSION n]",
     "remove an entry", KEY_DETAILS "To remove what is not there is no failure.\n"},
    {VERB_REPLACE, "replace", "mkv", CLAUSE_TTL | CLAUSE_IDLE | CLAUSE_VERSION,
     "replace MAP KEY VALUE [TTL d] [IDLE d] [IF VERSION n]", "write an entry that is there",
     KEY_DETAILS VALUE_DETAILS TTL_DETAILS "Fails when there is no such entry.\n"},
    {VERB_GETPUT, "getput", "mkv", CLAUSE_TTL | CLAUSE_IDLE,
     "getput MAP KEY VALUE [TTL d] [IDLE d]", "write an entry and show its old value",
     KEY_DETAILS VALUE_DETAILS TTL_DETAILS},
    {VERB_CONTAINS, "contains", "mk", 0, "contains MAP KEY", "whether there is an entry",
     KEY_DETAILS},
    {VERB_TOUCH, "touch", "mkd", CLAUSE_IDLE, "touch MAP KEY TTL [IDLE d]",
     "give an entry another time to live", KEY_DETAILS TTL_DETAILS "0 lets it live for ever.\n"},
    {VERB_MERGE, "merge", "mkv", CLAUSE_TTL | CLAUSE_IDLE, "merge MAP KEY JSON [TTL d] [IDLE d]",
     "change fields of a document (JSON Merge Patch, RFC 7396)",
     KEY_DETAILS "Fields of the patch replace those of the document; null removes a field.\n"
                 "Example: merge users 42 {\"age\": 37, \"nick\": null}\n"},
    {VERB_INCR, "incr", "mkI", CLAUSE_TTL | CLAUSE_IDLE, "incr MAP KEY [DELTA] [TTL d] [IDLE d]",
     "add to an integer, 1 by default", KEY_DETAILS},
    {VERB_SCAN, "scan", "m", CLAUSE_LIMIT, "scan MAP [LIMIT n]", "show the entries of a map",
     "The key is shown as __key. The order is none in particular.\n"},
    {VERB_SIZE, "size", "m", 0, "size MAP", "count the entries of a map", ""},
    {VERB_CLEAR, "clear", "m", 0, "clear MAP", "remove all entries of a map", ""},
    {VERB_MAPS, "maps", "", 0, "maps", "list the maps and their sizes", ""},
    {VERB_SELECT, "select", NULL, 0, "select ITEMS from MAP [where CONDITION] [limit n]",
     "query a map once",
     "The statement goes to the grid as it stands; the manual of the query language is query.md.\n"
     "Example: select place, mag from quakes where mag >= 4.5 and place like '%Japan%'\n"},
    {VERB_WATCH, "watch", NULL, 0,
     "watch [--latest | --earliest | --after TOKEN] [--token FILE] [OPTIONS] select ...",
     "show what matches, and every later change, live",
     "Ctrl-C ends it; so does the Nth change with --events, and the time with --seconds.\n"
     "ENTER: matches now, did not before. UPDATE: matches, and did before. LEAVE: no more.\n"
     "It goes on by itself when nodes fail, restart or move, and misses nothing.\n"
     "--latest       changes only, from now on: no rows that match already\n"
     "--earliest     changes only, from the oldest that the grid still has\n"
     "--after TOKEN  goes on where a watch of this query has ended: a file, or the token itself\n"
     "--token FILE   keeps the token there, about each second and at the end; -: shows it then\n"
     "--kinds LIST   of enter,update,leave       --changed  no UPDATE that changes nothing\n"
     "--causes LIST  of put,remove,expire,evict,clear,touch\n"
     "--keys         keys without values         --new      no old values\n"
     "--conflate     while it is slow, changes of one key become one\n"
     "--disconnect   ends when it is too slow, instead of catching up\n"
     "--events N     ends after N changes        --seconds S  ends after S seconds\n"
     "Example: watch --token t select place, mag from quakes where mag >= 4.5\n"
     "         watch --after t --token t select place, mag from quakes where mag >= 4.5\n"},
    {VERB_EXPLAIN, "explain", NULL, 0, "explain subscribe select ...",
     "how the grid would find the changes that concern a continuous query",
     "class       all, never, keyed (found by its key) or always (tested against every change)\n"
     "key         under which it is filed\n"
     "candidates  queries to be tested for a change that has this key, as expected now\n"},
    {VERB_SUBSCRIPTIONS, "subscriptions", "W", CLAUSE_LIMIT, "subscriptions [MEMBER] [LIMIT n]",
     "list the continuous queries of all clients",
     "One line for each worker that has it: client, query, how it is found (see help explain),\n"
     "behind (changes that are still to be sent), policy, state, and events sent so far.\n"
     "n: of each worker (1000).\n"},
    {VERB_LOAD, "load", NULL, 0, "load [--stop-on-error] [--window N] FILE into MAP key FIELD",
     "put the lines of a file (.jsonl, .ndjson, .json, .csv) into a map",
     "Each line of JSON, or record of CSV under a header line, becomes a document; FIELD holds\n"
     "its key (a.b for a field within a field). N documents are on their way at once (1024).\n"
     "In CSV, fields without quotes that are numbers become numbers, empty ones null.\n"
     "Example: load earthquakes.jsonl into quakes key id\n"},
    {VERB_CLUSTER, "cluster", NULL, 0,
     "cluster status | members | partitions [MEMBER] | migrations | voters\n"
     "cluster leave MEMBER [--yes]\n"
     "cluster recover --force [MEMBER] [--yes-i-know=GRID]\n"
     "cluster rebalance --simulate [--add NAME[:WEIGHT]] [--remove MEMBER] ...",
     "how the grid is, and what an operator can do about it",
     "status      leader, members, and how many partitions lack copies; fails without a leader\n"
     "members     with what they hold\n"
     "partitions  who has which, and who catches up; of all members or of one\n"
     "migrations  what is still to move, how fast it goes (for a second) and how long it takes\n"
     "voters      who takes part in agreement, and how far each is\n"
     "leave       has a member move its partitions to the others and end. Nothing is lost. At a\n"
     "            terminal it is asked first, unless --yes is given\n"
     "recover     the last resort when a majority of the voters is lost for good: MEMBER goes on\n"
     "            alone, with what it has. What only others hold is lost, on those that still\n"
     "            run too: they must be restarted. The grid's name must be typed to confirm, or\n"
     "            given by --yes-i-know\n"
     "rebalance   what would move if members joined or left; nothing is changed\n"
     "Example: cluster rebalance --simulate --add n4 --add n5:2 --remove n1\n"},
    {VERB_MEMBERS, "members", "", 0, "members", "list the members of the grid", ""},
    {VERB_PARTITIONS, "partitions", "W", 0, "partitions [all | N | N-M]",
     "who holds the partitions, by member or one by one", ""},
    {VERB_LOCATE, "locate", "k", 0, "locate KEY", "who holds a key, in whatever map", KEY_DETAILS},
    {VERB_STATS, "stats", "W", 0, "stats [MEMBER]", "figures of the workers of the members", ""},
    {VERB_PING, "ping", "", 0, "ping", "round trip to each member", ""},
    {VERB_TIMING, "timing", "W", 0, "timing [on | off]", "show how long commands take", ""},
    {VERB_OUTPUT, "output", "W", 0, "output [table | json | csv | raw]",
     "choose how results are shown",
     "table: aligned columns; json: an object per line; csv: RFC 4180 with a header line;\n"
     "raw: cells with tabs between them, without a header.\n"},
    {VERB_HELP, "help", "W", 0, "help [VERB]", "this list, or more about one verb", ""},
    {VERB_QUIT, "quit", "", 0, "quit", "leave the shell; so do exit and Ctrl-D", ""},
    {VERB_QUIT, "exit", "", 0, NULL, NULL, NULL},
    {0, NULL, NULL, 0, NULL, NULL, NULL},
};

const struct shell_verb *shell_verbs(void)
{
    return verbs;
}

const struct shell_verb *shell_verb_find(struct bytes name)
{
    for (const struct shell_verb *verb = verbs; verb->name != NULL; verb++)
        if (strlen(verb->name) == name.size &&
            strncasecmp(verb->name, (const char *)name.data, name.size) == 0)
            return verb;
    return NULL;
}

const struct shell_verb *shell_verb_nearest(struct bytes name)
{
    const struct shell_verb *nearest = NULL;
    size_t least = 3; // two slips are a typing error, three are another word
    if (name.size < 2)
        return NULL;
    for (const struct shell_verb *verb = verbs; verb->name != NULL; verb++) {
        size_t slips = name_distance(name, bytes_of_text(verb->name));
        if (slips < least && slips < name.size) {
            nearest = verb;
            least = slips;
        }
    }
    return nearest;
}

void shell_verb_help(FILE *file, const struct shell_verb *verb)
{
    while (verb != NULL && verb->synopsis == NULL)
        verb--; // an alias stands behind what it stands for
    if (verb != NULL) {
        fprintf(file, "%s\n  %s\n%s%s", verb->synopsis, verb->summary,
                verb->details[0] != '\0' ? "\n" : "", verb->details);
        return;
    }
    for (verb = verbs; verb->name != NULL; verb++)
        if (verb->synopsis != NULL)
            fprintf(file, "%s\n    %s\n", verb->synopsis, verb->summary);
    fputs("\nOne line is one command; a semicolon at its end may stay away. # starts a comment "
          "line.\n`help VERB` tells more.\n",
          file);
}
