// SPDX-License-Identifier: Apache-2.0
#include "client/shell/line_reader.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(shell_line_reader, reads_lines_whatever_their_end)
{
    static const char text[] = "one\r\n\ntwo\0x\nlast";
    static const struct {
        const char *text;
        size_t size;
    } lines[] = {{"one", 3}, {"", 0}, {"two\0x", 5}, {"last", 4}};
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    struct line_reader reader = line_reader_of(file);
    struct bytes line;
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(line_reader_next(&reader, &line), LINE_ONE);
        cr_assert(bytes_equal(line, bytes_of(lines[i].text, lines[i].size)));
        cr_assert_eq(reader.number, i + 1);
    }
    cr_assert_eq(line_reader_next(&reader, &line), LINE_END);
    line_reader_deinit(&reader);
    fclose(file);
}

Test(shell_line_reader, passes_over_a_line_that_is_too_long)
{
    size_t size = (size_t)LINE_BYTES_MAX + 1;
    char *text = malloc(size + 4);
    cr_assert_not_null(text);
    memset(text, 'x', size);
    memcpy(text + size, "\nok", 4);
    FILE *file = fmemopen(text, size + 3, "r");
    struct line_reader reader = line_reader_of(file);
    struct bytes line;
    cr_assert_eq(line_reader_next(&reader, &line), LINE_TOO_LONG);
    cr_assert_eq(line_reader_next(&reader, &line), LINE_ONE);
    cr_assert(bytes_equal(line, bytes_of_text("ok")));
    cr_assert_eq(reader.number, 2);
    line_reader_deinit(&reader);
    fclose(file);
    free(text);
}
