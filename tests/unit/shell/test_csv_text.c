// SPDX-License-Identifier: Apache-2.0
#include "client/shell/csv_text.h"

#include "cluster/base/memory.h"

#include <criterion/criterion.h>

// Reads all of `text`: fields as <...>, a quoted one as "...", records as LINE: ..., one per line.
static char *read_all(const char *text)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    struct csv_record *record = memory_new(sizeof *record);
    struct csv_reader reader = csv_reader_of(in);
    enum csv_verdict verdict;
    while ((verdict = csv_reader_next(&reader, record)) != CSV_END) {
        fprintf(out, "%d:", (int)record->line);
        if (verdict == CSV_FAULT)
            fprintf(out, " fault: %s", record->fault);
        for (size_t i = 0; i < record->field_count && verdict == CSV_RECORD; i++) {
            struct bytes field = csv_record_field(record, i);
            fprintf(out, record->fields[i].quoted ? " \"%.*s\"" : " <%.*s>", (int)field.size,
                    field.size > 0 ? (const char *)field.data : "");
        }
        fputc('\n', out);
    }
    csv_record_deinit(record);
    free(record);
    fclose(in);
    fclose(out);
    return shown;
}

static void check_read(const char *text, const char *expected)
{
    char *shown = read_all(text);
    cr_assert_str_eq(shown, expected);
    free(shown);
}

Test(shell_csv_text, reads_plain_fields)
{
    check_read("a,b,c\n1,,3\n", "1: <a> <b> <c>\n2: <1> <> <3>\n");
    check_read("a,b", "1: <a> <b>\n");
    check_read("a,\r\n ,b\r\n", "1: <a> <>\n2: < > <b>\n");
    check_read(",\n", "1: <> <>\n");
}

Test(shell_csv_text, reads_quoted_fields)
{
    check_read("\"a,b\",\"c\"\"d\",\"\"\n", "1: \"a,b\" \"c\"d\" \"\"\n");
    check_read("\"a\nb\",c\nd,e\n", "1: \"a\nb\" <c>\n3: <d> <e>\n");
    check_read("\"a\r\nb\"\r\n", "1: \"a\r\nb\"\n");
    check_read("\"a\"", "1: \"a\"\n");
}

Test(shell_csv_text, passes_over_empty_lines)
{
    check_read("\n\r\na\n\n\nb\n\n", "3: <a>\n6: <b>\n");
    check_read("", "");
}

Test(shell_csv_text, names_faults_and_goes_on_at_the_next_line)
{
    check_read("a\"b,c\nd\n", "1: fault: a quote within a field without quotes\n2: <d>\n");
    check_read("\"a\"b,c\nd\n", "1: fault: text behind the closing quote\n2: <d>\n");
    check_read("a\n\"b\nc\n", "1: <a>\n2: fault: a quote is not closed\n");
    check_read("a,\"b\" \n\nd\n", "1: fault: text behind the closing quote\n3: <d>\n");
}

Test(shell_csv_text, fields_are_bounded)
{
    char text[CSV_FIELDS_MAX + 16];
    memset(text, ',', sizeof text);
    memcpy(text + CSV_FIELDS_MAX, "\nb", 3);
    check_read(text, "1: fault: more than 1,024 fields\n2: <b>\n");
}

static void check_written(const char *text, bool empty_quoted, const char *expected)
{
    struct buffer out = {0};
    csv_field_write(&out, bytes_of_text(text), empty_quoted);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(expected)), "%s", text);
    buffer_deinit(&out);
}

Test(shell_csv_text, quotes_only_what_needs_quotes)
{
    check_written("abc d", false, "abc d");
    check_written("a,b", false, "\"a,b\"");
    check_written("say \"x\"", false, "\"say \"\"x\"\"\"");
    check_written("a\nb", false, "\"a\nb\"");
    check_written("", false, "");
    check_written("", true, "\"\"");
}

Test(shell_csv_text, reads_back_what_it_writes)
{
    struct buffer out = {0};
    static const char *const fields[] = {"a,b", "\"", "x\r\ny", "\xc3\xa9", "plain"};
    for (size_t i = 0; i < 5; i++) {
        buffer_append(&out, ",", i > 0);
        csv_field_write(&out, bytes_of_text(fields[i]), true);
    }
    buffer_append(&out, "\n", 2);
    check_read((const char *)out.data, "1: \"a,b\" \"\"\" \"x\r\ny\" <\xc3\xa9> <plain>\n");
    buffer_deinit(&out);
}
