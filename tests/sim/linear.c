// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/memory.h"
#include "tests/sim/history.h"

#include <xxhash.h>

enum {
    MEMO_FIRST = 1 << 10,
    MEMO_STATES_MAX = 1 << 20,
    DEEDS_MAX = 4096,
    NOBODY = -1,
};

// The entry of one key. A version that nobody was told of is 0 until an answer names it.
struct entry_state {
    int64_t value;
    uint64_t version;
    uint64_t is_present;
    uint64_t expiry; // the deed by which it may expire; 0: none
};

// Calls and returns in the order of time, as a list from which what is linearized is taken out.
struct moment {
    int32_t deed;
    bool is_call;
    int32_t next;
    int32_t previous;
};

struct step {
    int32_t call; // moment
    struct entry_state before;
};

struct search {
    const struct deed **deeds; // of the key
    uint32_t deed_count;
    struct moment *moments; // 0 is the head
    int32_t *returns;       // by deed; NOBODY: unknown
    uint32_t known_left;    // returns still in the list
    uint64_t *done;         // bits of deeds that are linearized
    uint32_t done_words;
    struct entry_state state;
    struct step *steps;
    uint32_t step_count;
    XXH128_hash_t *memo; // visited (done, state); open addressing; {0, 0}: free
    uint32_t memo_size;
    uint32_t memo_count;
};

// ---- What each operation does ----

static bool version_fits(struct entry_state *state, uint64_t version)
{
    if (!state->is_present)
        return version == 0;
    if (state->version == 0)
        state->version = version;
    return version != 0 && state->version == version;
}

static void state_put(struct entry_state *state, const struct deed *deed, uint64_t version)
{
    *state = (struct entry_state){
        .value = deed->input, .version = version, .is_present = 1, .expiry = deed->expiry};
}

// Increments and merges keep the expiry.
static void state_change(struct entry_state *state, int64_t value, uint64_t version)
{
    state->value = value;
    state->version = version;
    state->is_present = 1;
}

static void state_touch(struct entry_state *state, const struct deed *deed, uint64_t version)
{
    state->version = version;
    state->expiry = deed->expiry;
}

static bool is_prevented(const struct deed *deed, struct entry_state *state)
{
    return (deed->condition == CONDITION_IF_ABSENT && state->is_present) ||
           (deed->condition == CONDITION_IF_VERSION && !version_fits(state, deed->version));
}

// Takes effect without anybody having been told. False: it changes nothing, so it need not be
// considered.
static bool apply_unknown(const struct deed *deed, struct entry_state *state)
{
    if (is_prevented(deed, state))
        return false;
    switch ((int)deed->kind) {
    case OP_NONE:
        if (!state->is_present || state->expiry != deed->expiry)
            return false;
        *state = (struct entry_state){0};
        return true;
    case OP_REMOVE:
        if (!state->is_present)
            return false;
        *state = (struct entry_state){0};
        return true;
    case OP_TOUCH:
        if (!state->is_present)
            return false;
        state_touch(state, deed, 0);
        return true;
    case OP_INCREMENT:
        state_change(state, state->value + deed->input, 0);
        return true;
    case OP_MERGE:
        state_change(state, deed->input, 0);
        return true;
    default:
        state_put(state, deed, 0);
        return true;
    }
}

static bool apply_put(const struct deed *deed, struct entry_state *state)
{
    if (deed->condition == CONDITION_IF_ABSENT && state->is_present)
        return deed->error == ERROR_EXISTS && version_fits(state, deed->out_version);
    if (deed->error == ERROR_VERSION_MISMATCH)
        return version_fits(state, deed->out_version) && state->version != deed->version;
    if (deed->condition == CONDITION_IF_VERSION && !version_fits(state, deed->version))
        return false;
    if (deed->error != ERROR_NONE || deed->found != (bool)state->is_present)
        return false;
    state_put(state, deed, deed->out_version);
    return true;
}

// The value that the answer gives is the state's.
static bool output_fits(const struct deed *deed, const struct entry_state *state)
{
    return deed->found == (bool)state->is_present &&
           (!state->is_present || (deed->has_output && deed->output == state->value));
}

static bool apply(const struct deed *deed, struct entry_state *state)
{
    if (deed->returned_us == UINT64_MAX)
        return apply_unknown(deed, state);
    bool was_present = state->is_present;
    switch ((int)deed->kind) {
    case OP_GET:
        // What is due is not found, though only a write or a tick makes it expire.
        return (state->expiry != 0 && !deed->found) ||
               (output_fits(deed, state) && version_fits(state, deed->out_version));
    case OP_PUT:
        return apply_put(deed, state);
    case OP_GET_AND_PUT:
        if (!output_fits(deed, state))
            return false;
        state_put(state, deed, deed->out_version);
        return true;
    case OP_REMOVE:
        *state = (struct entry_state){0};
        return deed->found == was_present;
    case OP_INCREMENT:
        state_change(state, state->value + deed->input, deed->out_version);
        return deed->found == was_present && deed->has_output && deed->output == state->value;
    case OP_MERGE:
        state_change(state, deed->input, deed->out_version);
        return deed->found == was_present && deed->has_output && deed->output == state->value;
    case OP_TOUCH:
        if (was_present)
            state_touch(state, deed, deed->out_version);
        return deed->found == was_present;
    default:
        return false;
    }
}

// ---- The list of moments ----

static uint64_t moment_us(const struct search *search, const struct moment *moment)
{
    const struct deed *deed = search->deeds[moment->deed];
    return moment->is_call ? deed->called_us : deed->returned_us;
}

static void moment_take_out(struct search *search, int32_t at)
{
    struct moment *moment = &search->moments[at];
    search->moments[moment->previous].next = moment->next;
    if (moment->next != NOBODY)
        search->moments[moment->next].previous = moment->previous;
}

static void moment_put_back(struct search *search, int32_t at)
{
    struct moment *moment = &search->moments[at];
    search->moments[moment->previous].next = at;
    if (moment->next != NOBODY)
        search->moments[moment->next].previous = at;
}

static void deed_lift(struct search *search, int32_t call)
{
    int32_t deed = search->moments[call].deed;
    search->done[deed / 64] |= UINT64_C(1) << (deed % 64);
    moment_take_out(search, call);
    if (search->returns[deed] != NOBODY) {
        moment_take_out(search, search->returns[deed]);
        search->known_left--;
    }
}

static void deed_unlift(struct search *search, int32_t call)
{
    int32_t deed = search->moments[call].deed;
    search->done[deed / 64] &= ~(UINT64_C(1) << (deed % 64));
    if (search->returns[deed] != NOBODY) {
        moment_put_back(search, search->returns[deed]);
        search->known_left++;
    }
    moment_put_back(search, call);
}

// ---- The memory ----

static void memo_place(struct search *search, XXH128_hash_t hash)
{
    uint32_t at = (uint32_t)hash.low64 & (search->memo_size - 1);
    while (search->memo[at].low64 != 0)
        at = (at + 1) & (search->memo_size - 1);
    search->memo[at] = hash;
}

static void memo_grow(struct search *search)
{
    XXH128_hash_t *old = search->memo;
    uint32_t old_size = search->memo_size;
    search->memo_size *= 2;
    search->memo = memory_new_array(search->memo_size, sizeof *search->memo);
    for (uint32_t i = 0; i < old_size; i++) {
        if (old[i].low64 != 0)
            memo_place(search, old[i]);
    }
    free(old);
}

// False: these deeds were linearized to this state before.
static bool memo_add(struct search *search, int32_t deed, const struct entry_state *state)
{
    search->done[deed / 64] |= UINT64_C(1) << (deed % 64);
    uint64_t seed = XXH3_64bits(state, sizeof *state);
    XXH128_hash_t hash =
        XXH3_128bits_withSeed(search->done, search->done_words * sizeof *search->done, seed);
    search->done[deed / 64] &= ~(UINT64_C(1) << (deed % 64));
    hash.low64 |= 1;
    uint32_t at = (uint32_t)hash.low64 & (search->memo_size - 1);
    while (search->memo[at].low64 != 0) {
        if (XXH128_isEqual(search->memo[at], hash))
            return false;
        at = (at + 1) & (search->memo_size - 1);
    }
    search->memo[at] = hash;
    if (2 * ++search->memo_count > search->memo_size)
        memo_grow(search);
    return true;
}

// ---- The search ----

static int moments_compare(const void *a, const void *b, void *context)
{
    const struct moment *left = a;
    const struct moment *right = b;
    uint64_t left_us = moment_us(context, left);
    uint64_t right_us = moment_us(context, right);
    if (left_us != right_us)
        return left_us < right_us ? -1 : 1;
    if (left->is_call != right->is_call) // at the same moment: at the same time
        return left->is_call ? -1 : 1;
    return left->deed < right->deed ? -1 : left->deed > right->deed;
}

static void search_init(struct search *search, const struct history *history, uint32_t key)
{
    *search = (struct search){0};
    search->deeds = memory_new_array(history->count, sizeof *search->deeds);
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->deeds[i].key == key)
            search->deeds[search->deed_count++] = &history->deeds[i];
    }
    uint32_t count = search->deed_count;
    search->moments = memory_new_array(2 * (size_t)count + 1, sizeof *search->moments);
    search->returns = memory_new_array(count, sizeof *search->returns);
    search->steps = memory_new_array(count, sizeof *search->steps);
    search->done_words = count / 64 + 1;
    search->done = memory_new_array(search->done_words, sizeof *search->done);
    search->memo_size = MEMO_FIRST;
    search->memo = memory_new_array(search->memo_size, sizeof *search->memo);
    int32_t used = 1;
    for (int32_t i = 0; i < (int32_t)count; i++) {
        search->moments[used++] = (struct moment){.deed = i, .is_call = true};
        search->returns[i] = NOBODY;
        if (search->deeds[i]->returned_us != UINT64_MAX) {
            search->moments[used++] = (struct moment){.deed = i};
            search->known_left++;
        }
    }
    qsort_r(search->moments + 1, (size_t)used - 1, sizeof *search->moments, moments_compare,
            search);
    for (int32_t i = 0; i < used; i++) {
        search->moments[i].previous = i - 1;
        search->moments[i].next = i + 1 < used ? i + 1 : NOBODY;
        if (i > 0 && !search->moments[i].is_call)
            search->returns[search->moments[i].deed] = i;
    }
}

static void search_deinit(struct search *search)
{
    free(search->deeds);
    free(search->moments);
    free(search->returns);
    free(search->steps);
    free(search->done);
    free(search->memo);
}

static enum linear_verdict search_run(struct search *search)
{
    int32_t at = search->moments[0].next;
    while (search->known_left > 0) {
        if (at != NOBODY && search->moments[at].is_call) {
            struct entry_state next = search->state;
            int32_t deed = search->moments[at].deed;
            if (!apply(search->deeds[deed], &next) || !memo_add(search, deed, &next)) {
                at = search->moments[at].next;
                continue;
            }
            if (search->memo_count > MEMO_STATES_MAX)
                return LINEAR_UNDECIDED;
            search->steps[search->step_count++] = (struct step){at, search->state};
            search->state = next;
            deed_lift(search, at);
            at = search->moments[0].next;
        } else { // a return that comes before its deed was linearized: another order is needed
            if (search->step_count == 0)
                return LINEAR_NO;
            struct step step = search->steps[--search->step_count];
            search->state = step.before;
            deed_unlift(search, step.call);
            at = search->moments[step.call].next;
        }
    }
    return LINEAR_YES;
}

enum linear_verdict linear_check(const struct history *history, uint32_t key)
{
    struct search search;
    search_init(&search, history, key);
    CHECK(search.deed_count <= DEEDS_MAX);
    enum linear_verdict verdict = search_run(&search);
    search_deinit(&search);
    return verdict;
}
