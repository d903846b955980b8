// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_line.h"

#include "client/shell/change_line.h"
#include "client/shell/clause.h"
#include "client/shell/literal.h"
#include "cluster/base/units.h"

#include <stdlib.h>

enum { WATCH_SECONDS_MAX = 365 * 24 * 3600 };

// What an option settles, and nothing but one option may.
enum setting {
    SETTING_START,
    SETTING_CONTENT,
    SETTING_POLICY,
    SETTING_CHANGED,
    SETTING_KINDS,
    SETTING_CAUSES,
    SETTING_LIMIT,
    SETTING_TIME,
    SETTING_TOKEN,
};

static const struct {
    const char *word;
    enum setting setting;
    unsigned value; // of an option that says it all
} options[] = {
    {"--latest", SETTING_START, GRID_START_LATEST},
    {"--earliest", SETTING_START, GRID_START_EARLIEST},
    {"--after", SETTING_START, GRID_START_AFTER},
    {"--token", SETTING_TOKEN, 0},
    {"--keys", SETTING_CONTENT, GRID_CONTENT_KEYS},
    {"--new", SETTING_CONTENT, GRID_CONTENT_NEW},
    {"--changed", SETTING_CHANGED, 0},
    {"--kinds", SETTING_KINDS, 0},
    {"--causes", SETTING_CAUSES, 0},
    {"--conflate", SETTING_POLICY, GRID_POLICY_CONFLATE},
    {"--disconnect", SETTING_POLICY, GRID_POLICY_DISCONNECT},
    {"--events", SETTING_LIMIT, 0},
    {"--seconds", SETTING_TIME, 0},
    {"--no-snapshot", SETTING_START, GRID_START_LATEST}, // the older name of --latest
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] };

const char *const *shell_watch_options(void)
{
    static const char *const words[] = {
        "--latest",     "--earliest", "--after",   "--token",  "--keys",
        "--new",        "--changed",  "--kinds",   "--causes", "--conflate",
        "--disconnect", "--events",   "--seconds", NULL,
    };
    return words;
}

// ---- Lists of names ----

typedef bool name_find_fn(struct bytes name, unsigned *bit);

static bool kind_bit(struct bytes name, unsigned *bit)
{
    enum change_kind kind;
    bool found = change_kind_find(name, &kind);
    if (found)
        *bit = kind == CHANGE_ENTER    ? GRID_KIND_ENTER
               : kind == CHANGE_UPDATE ? GRID_KIND_UPDATE
                                       : GRID_KIND_LEAVE;
    return found;
}

static bool cause_bit(struct bytes name, unsigned *bit)
{
    enum grid_cause cause;
    bool found = change_cause_find(name, &cause);
    if (found)
        *bit = 1U << cause;
    return found;
}

// NAME,NAME ...
static bool names_take(struct shell_words *words, name_find_fn *find, const char *expected,
                       unsigned *bits, struct shell_fault *fault)
{
    struct shell_word word;
    if (!shell_words_take(words, &word, expected, fault))
        return false;
    for (size_t at = 0; at <= word.raw.size;) {
        const uint8_t *start = word.raw.data + at;
        const uint8_t *comma = memchr(start, ',', word.raw.size - at);
        size_t size = comma != NULL ? (size_t)(comma - start) : word.raw.size - at;
        unsigned bit;
        if (!find(bytes_of(start, size), &bit))
            return shell_fault_set(fault, word.offset + at,
                                   "expected %s here, or some of them with commas between",
                                   expected);
        *bits |= bit;
        at += size + 1;
    }
    return true;
}

// ---- Options ----

static bool text_take(struct shell_words *words, const char *expected, char **text,
                      struct shell_fault *fault)
{
    struct shell_word word;
    return shell_words_take(words, &word, expected, fault) &&
           shell_literal_text(&word, text, fault);
}

static bool seconds_take(struct shell_words *words, int64_t *time_ms, struct shell_fault *fault)
{
    uint64_t seconds;
    if (!shell_clause_count(words, WATCH_SECONDS_MAX, &seconds, fault))
        return false;
    *time_ms = (int64_t)seconds * MS_PER_S;
    return true;
}

static bool start_set(struct shell_watch *watch, enum grid_start start, struct shell_words *words,
                      struct shell_fault *fault)
{
    watch->start = start;
    return start != GRID_START_AFTER ||
           text_take(words, "a resume token or the name of its file", &watch->after, fault);
}

static bool setting_take(struct shell_watch *watch, size_t number, struct shell_words *words,
                         struct shell_fault *fault)
{
    unsigned value = options[number].value;
    switch (options[number].setting) {
    case SETTING_START:
        return start_set(watch, (enum grid_start)value, words, fault);
    case SETTING_CONTENT:
        watch->content = (enum grid_content)value;
        return true;
    case SETTING_POLICY:
        watch->policy = (enum grid_policy)value;
        return true;
    case SETTING_CHANGED:
        watch->only_changed = true;
        return true;
    case SETTING_KINDS:
        return names_take(words, kind_bit, "enter, update, leave", &watch->kinds, fault);
    case SETTING_CAUSES:
        return names_take(words, cause_bit, "put, remove, expire, evict, clear, touch",
                          &watch->causes, fault);
    case SETTING_LIMIT:
        return shell_clause_count(words, UINT64_MAX, &watch->limit, fault);
    case SETTING_TIME:
        return seconds_take(words, &watch->time_ms, fault);
    case SETTING_TOKEN:
        return text_take(words, "the name of a file", &watch->token_path, fault);
    }
    CHECK(false);
}

static bool option_take(struct shell_watch *watch, const struct shell_word *word,
                        struct shell_words *words, struct shell_fault *fault)
{
    size_t number = 0;
    while (number < OPTION_COUNT && !shell_word_is(word, options[number].word))
        number++;
    if (number == OPTION_COUNT)
        return shell_fault_set(fault, word->offset,
                               "expected 'select' or an option here; 'help watch' lists them");
    unsigned bit = 1U << options[number].setting;
    if ((watch->settings & bit) != 0)
        return shell_fault_set(fault, word->offset,
                               "an option before this one has settled that already");
    watch->settings |= bit;
    return setting_take(watch, number, words, fault);
}

// ---- The line ----

bool shell_watch_parse(struct shell_watch *watch, struct shell_words *words,
                       struct bytes *statement, struct shell_fault *fault)
{
    *watch = (struct shell_watch){0};
    for (;;) {
        *statement = shell_words_rest(words);
        struct shell_word word;
        if (!shell_words_take(words, &word, "'select'", fault))
            return false;
        if (shell_word_is(&word, "select"))
            return true;
        if (!option_take(watch, &word, words, fault))
            return false;
    }
}

bool shell_statement_parse(struct shell_words *words, struct bytes *statement,
                           struct shell_fault *fault)
{
    *statement = shell_words_rest(words);
    return shell_words_keyword(words, "select", fault);
}

void shell_watch_deinit(struct shell_watch *watch)
{
    free(watch->after);
    free(watch->token_path);
    *watch = (struct shell_watch){0};
}
