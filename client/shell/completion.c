// SPDX-License-Identifier: Apache-2.0
#include "client/shell/completion.h"

#include "client/shell/cluster_line.h"
#include "client/shell/verb.h"
#include "client/shell/watch_line.h"

#include <strings.h>

enum { WORD_BYTES_MAX = 64 };

// The line before the cursor, as far as completion looks at it.
struct place {
    char verb[WORD_BYTES_MAX];     // the first word, if it is complete
    char second[WORD_BYTES_MAX];   // likewise
    char previous[WORD_BYTES_MAX]; // the word before the one at the cursor
    size_t word_count;             // complete words
    struct bytes typed;            // of the word at the cursor
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static void word_copy(char *text, struct bytes word)
{
    size_t size = word.size < WORD_BYTES_MAX ? word.size : WORD_BYTES_MAX - 1;
    memcpy(text, word.data, size);
    text[size] = '\0';
}

static struct place place_of(struct bytes before)
{
    struct place place = {0};
    size_t at = 0;
    for (;;) {
        while (at < before.size && is_blank(before.data[at]))
            at++;
        size_t start = at;
        while (at < before.size && !is_blank(before.data[at]))
            at++;
        place.typed = bytes_of(before.data + start, at - start);
        if (at == before.size)
            return place;
        if (place.word_count == 0)
            word_copy(place.verb, place.typed);
        if (place.word_count == 1)
            word_copy(place.second, place.typed);
        place.word_count++;
        word_copy(place.previous, place.typed);
    }
}

static bool wants_map(const struct place *place)
{
    if (place->word_count == 0)
        return false;
    if (strcasecmp(place->previous, "from") == 0 || strcasecmp(place->previous, "into") == 0)
        return true;
    const struct shell_verb *verb = shell_verb_find(bytes_of_text(place->verb));
    return place->word_count == 1 && verb != NULL && verb->arguments != NULL &&
           verb->arguments[0] == 'm';
}

static bool wants_member(const struct place *place)
{
    const struct shell_verb *verb = shell_verb_find(bytes_of_text(place->verb));
    if (verb == NULL || place->word_count == 0)
        return false;
    if (verb->id == VERB_STATS || verb->id == VERB_SUBSCRIPTIONS)
        return place->word_count == 1;
    if (verb->id != VERB_CLUSTER || place->word_count < 2)
        return false;
    return strcasecmp(place->previous, "--remove") == 0 ||
           (shell_cluster_takes_member(place->second) &&
            (place->word_count == 2 || strcasecmp(place->previous, "--force") == 0));
}

static enum shell_names names_of(const struct place *place)
{
    if (wants_map(place))
        return SHELL_NAMES_MAPS;
    return wants_member(place) ? SHELL_NAMES_MEMBERS : SHELL_NAMES_NONE;
}

enum shell_names shell_completions_names(struct bytes before)
{
    struct place place = place_of(before);
    return names_of(&place);
}

static void word_offer(struct shell_completions *completions, struct bytes typed, const char *word)
{
    if (completions->count == COMPLETIONS_MAX || strlen(word) < typed.size ||
        strncasecmp(word, (const char *)typed.data, typed.size) != 0)
        return;
    completions->words[completions->count++] = word;
}

static void words_offer(struct shell_completions *completions, struct bytes typed,
                        const char *const *words)
{
    for (; *words != NULL; words++)
        word_offer(completions, typed, *words);
}

static void verbs_offer(struct shell_completions *completions, struct bytes typed)
{
    for (const struct shell_verb *verb = shell_verbs(); verb->name != NULL; verb++)
        word_offer(completions, typed, verb->name);
}

static void cluster_offer(struct shell_completions *completions, const struct place *place)
{
    if (place->word_count == 1)
        words_offer(completions, place->typed, shell_cluster_actions());
    else if (shell_cluster_options(place->second) != NULL)
        words_offer(completions, place->typed, shell_cluster_options(place->second));
}

static void query_offer(struct shell_completions *completions, const struct place *place)
{
    static const char *const selects[] = {"from",    "where",  "limit", "and",  "or", "not", "like",
                                          "between", "exists", "is",    "null", "in", NULL};
    words_offer(completions, place->typed, selects);
}

static void watch_offer(struct shell_completions *completions, const struct place *place)
{
    static const char *const start[] = {"select", NULL};
    static const char *const kinds[] = {"enter", "update", "leave", NULL};
    static const char *const causes[] = {"put",   "remove", "expire", "evict",
                                         "clear", "touch",  NULL};
    if (strcasecmp(place->previous, "--kinds") == 0) {
        words_offer(completions, place->typed, kinds);
    } else if (strcasecmp(place->previous, "--causes") == 0) {
        words_offer(completions, place->typed, causes);
    } else {
        words_offer(completions, place->typed, start);
        words_offer(completions, place->typed, shell_watch_options());
        query_offer(completions, place);
    }
}

static void explain_offer(struct shell_completions *completions, const struct place *place)
{
    static const char *const first[] = {"subscribe", NULL};
    static const char *const second[] = {"select", NULL};
    if (place->word_count <= 2)
        words_offer(completions, place->typed, place->word_count == 1 ? first : second);
    else
        query_offer(completions, place);
}

static void arguments_offer(struct shell_completions *completions, const struct place *place)
{
    static const char *const formats[] = {"table", "json", "csv", "raw", NULL};
    static const char *const switches[] = {"on", "off", NULL};
    static const char *const ranges[] = {"all", NULL};
    static const char *const limits[] = {"limit", NULL};
    const struct shell_verb *verb = shell_verb_find(bytes_of_text(place->verb));
    if (verb == NULL)
        return;
    if (verb->id == VERB_CLUSTER)
        cluster_offer(completions, place);
    else if (verb->id == VERB_HELP)
        verbs_offer(completions, place->typed);
    else if (verb->id == VERB_OUTPUT)
        words_offer(completions, place->typed, formats);
    else if (verb->id == VERB_TIMING)
        words_offer(completions, place->typed, switches);
    else if (verb->id == VERB_PARTITIONS)
        words_offer(completions, place->typed, ranges);
    else if (verb->id == VERB_SUBSCRIPTIONS)
        words_offer(completions, place->typed, limits);
    else if (verb->id == VERB_WATCH)
        watch_offer(completions, place);
    else if (verb->id == VERB_EXPLAIN)
        explain_offer(completions, place);
    else if (verb->id == VERB_SELECT)
        query_offer(completions, place);
}

static size_t common_start(const struct shell_completions *completions)
{
    size_t common = strlen(completions->words[0]);
    for (size_t i = 1; i < completions->count; i++) {
        size_t same = 0;
        while (same < common && completions->words[i][same] == completions->words[0][same])
            same++;
        common = same;
    }
    return common;
}

void shell_completions_find(struct shell_completions *completions, struct bytes before,
                            char *const *names, size_t name_count)
{
    struct place place = place_of(before);
    *completions = (struct shell_completions){.typed = place.typed.size};
    enum shell_names kind = names_of(&place);
    if (place.word_count == 0)
        verbs_offer(completions, place.typed);
    for (size_t i = 0; kind != SHELL_NAMES_NONE && i < name_count; i++)
        word_offer(completions, place.typed, names[i]);
    // Where a map stands, nothing else can; a member may also be left out.
    if (place.word_count > 0 && kind != SHELL_NAMES_MAPS)
        arguments_offer(completions, &place);
    if (completions->count > 0)
        completions->common = common_start(completions);
    if (completions->common < completions->typed)
        completions->common = completions->typed;
}
