// SPDX-License-Identifier: Apache-2.0
#include "client/shell/token_file.h"

#include "client/shell/token_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// One byte more than there may be, so that it shows.
static bool text_read(struct buffer *text, FILE *file)
{
    uint8_t *room = buffer_reserve(text, TOKEN_FILE_BYTES_MAX + 1);
    buffer_advance(text, fread(room, 1, TOKEN_FILE_BYTES_MAX + 1, file));
    return !ferror(file);
}

static bool file_read(struct buffer *out, FILE *file, const char *path, char *fault,
                      size_t fault_size)
{
    struct buffer text = {0};
    bool ok = text_read(&text, file);
    if (!ok) {
        snprintf(fault, fault_size, "%s: %s", path, strerror(errno));
    } else if (buffer_size(&text) > TOKEN_FILE_BYTES_MAX ||
               !token_text_read(out, buffer_bytes(&text))) {
        ok = false;
        snprintf(fault, fault_size, "%s: there is no resume token in this file", path);
    }
    buffer_deinit(&text);
    return ok;
}

bool token_file_read(struct buffer *out, const char *word, char *fault, size_t fault_size)
{
    FILE *file = fopen(word, "re");
    if (file != NULL) {
        bool ok = file_read(out, file, word, fault, fault_size);
        fclose(file);
        return ok;
    }
    // A token is much too long for a name, and may hold slashes.
    bool may_be_token = errno == ENOENT || errno == ENAMETOOLONG || errno == ENOTDIR;
    if (may_be_token && token_text_read(out, bytes_of_text(word)))
        return true;
    snprintf(fault, fault_size, "%.200s: %s", word,
             may_be_token ? "no such file, and no resume token either" : strerror(errno));
    return false;
}

static bool text_write(const char *path, struct grid_bytes token)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    struct buffer text = {0};
    token_text_write(&text, token);
    buffer_append(&text, "\n", 1);
    size_t written = fwrite(text.data, 1, buffer_size(&text), file);
    bool ok = written == buffer_size(&text);
    buffer_deinit(&text);
    return fclose(file) == 0 && ok;
}

bool token_file_write(const char *path, struct grid_bytes token)
{
    char *new_path = NULL;
    CHECK(asprintf(&new_path, "%s.new", path) > 0);
    bool ok = text_write(new_path, token) && rename(new_path, path) == 0;
    if (!ok) {
        int error = errno;
        unlink(new_path);
        errno = error;
    }
    free(new_path);
    return ok;
}
