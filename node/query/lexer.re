// SPDX-License-Identifier: Apache-2.0
#include "node/query/lexer.h"

#include "grammar.h"

enum { LEX_SKIP = -1, LEX_FAILED = -2 };

static void complain(const struct lexer *lexer, const char *from, const char *text)
{
    source_complain(lexer->source, (size_t)(from - lexer->start), "%s", text);
}

static void complain_stray(const struct lexer *lexer, const char *from)
{
    struct quote quote = quote_of(bytes_of(from, 1));
    if ((unsigned char)*from == 0)
        source_complain(lexer->source, (size_t)(from - lexer->start), "a NUL byte is not allowed");
    else
        source_complain(lexer->source, (size_t)(from - lexer->start),
                        "unexpected character `%s`", quote.text);
}

// One token, LEX_SKIP for white space and comments, LEX_FAILED after a complaint.
static int scan(struct lexer *lexer, const char **from)
{
    const char *YYCURSOR = lexer->at;
    const char *YYLIMIT = lexer->end;
    const char *YYMARKER = YYCURSOR;
    const char *token_start = YYCURSOR;
    *from = token_start;

#define ACCEPT(kind)                                                                               \
    do {                                                                                           \
        lexer->at = YYCURSOR;                                                                      \
        return (kind);                                                                             \
    } while (0)
#define REFUSE(text)                                                                               \
    do {                                                                                           \
        complain(lexer, token_start, text);                                                        \
        return LEX_FAILED;                                                                         \
    } while (0)

    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:yyfill:enable = 0;
    re2c:eof = 0;
    re2c:flags:case-ranges = 1;

    space    = [ \t\r\n]+;
    comment  = "--" [^\n]*;
    digits   = [0-9]+;
    exponent = [eE] [+-]? digits;
    head     = [A-Za-z_\x80-\xff];
    tail     = [A-Za-z0-9_$\x80-\xff];

    *        { complain_stray(lexer, token_start); return LEX_FAILED; }
    $        { ACCEPT(0); }
    space    { ACCEPT(LEX_SKIP); }
    comment  { ACCEPT(LEX_SKIP); }

    'select'  { ACCEPT(TOKEN_SELECT); }
    'from'    { ACCEPT(TOKEN_FROM); }
    'where'   { ACCEPT(TOKEN_WHERE); }
    'limit'   { ACCEPT(TOKEN_LIMIT); }
    'as'      { ACCEPT(TOKEN_AS); }
    'and'     { ACCEPT(TOKEN_AND); }
    'or'      { ACCEPT(TOKEN_OR); }
    'not'     { ACCEPT(TOKEN_NOT); }
    'in'      { ACCEPT(TOKEN_IN); }
    'between' { ACCEPT(TOKEN_BETWEEN); }
    'like'    { ACCEPT(TOKEN_LIKE); }
    'escape'  { ACCEPT(TOKEN_ESCAPE); }
    'is'      { ACCEPT(TOKEN_IS); }
    'null'    { ACCEPT(TOKEN_NULL); }
    'true'    { ACCEPT(TOKEN_TRUE); }
    'false'   { ACCEPT(TOKEN_FALSE); }
    'exists'  { ACCEPT(TOKEN_EXISTS); }
    "__key"   { ACCEPT(TOKEN_KEY); }

    head tail*                     { ACCEPT(TOKEN_NAME); }
    ["] ([^"] | ["]["])* ["]       { ACCEPT(TOKEN_QUOTED); }
    ['] ([^'] | ['][']) * [']      { ACCEPT(TOKEN_STRING); }
    [xX] ['] ([0-9a-fA-F]{2})* ['] { ACCEPT(TOKEN_BINARY); }

    digits                                           { ACCEPT(TOKEN_INTEGER); }
    (digits exponent | digits? "." digits exponent?) { ACCEPT(TOKEN_FLOAT); }

    "=" | "=="   { ACCEPT(TOKEN_EQUAL); }
    "!=" | "<>"  { ACCEPT(TOKEN_UNEQUAL); }
    "<"          { ACCEPT(TOKEN_LESS); }
    "<="         { ACCEPT(TOKEN_LESS_EQUAL); }
    ">"          { ACCEPT(TOKEN_GREATER); }
    ">="         { ACCEPT(TOKEN_GREATER_EQUAL); }
    "+"          { ACCEPT(TOKEN_PLUS); }
    "-"          { ACCEPT(TOKEN_MINUS); }
    "*"          { ACCEPT(TOKEN_STAR); }
    "/"          { ACCEPT(TOKEN_SLASH); }
    "%"          { ACCEPT(TOKEN_PERCENT); }
    "("          { ACCEPT(TOKEN_LEFT); }
    ")"          { ACCEPT(TOKEN_RIGHT); }
    "["          { ACCEPT(TOKEN_OPEN); }
    "]"          { ACCEPT(TOKEN_CLOSE); }
    ","          { ACCEPT(TOKEN_COMMA); }
    "."          { ACCEPT(TOKEN_DOT); }
    ";"          { ACCEPT(TOKEN_SEMICOLON); }

    [']          { REFUSE("this string has no closing quote; a quote inside is written ''"); }
    ["]          { REFUSE("this quoted name has no closing quote"); }
    [xX] [']     { REFUSE("x'...' takes pairs of hex digits and a closing quote"); }
    (digits | digits? "." digits) exponent? head tail*
                 { REFUSE("not a number; a name that starts with a digit takes double quotes"); }
    "&&"         { REFUSE("`&&` is written AND"); }
    "||"         { REFUSE("`||` is written OR; strings cannot be joined"); }
    "!"          { REFUSE("`!` is written NOT; unequal is <> or !="); }
    "&" | "|" | "^" | "~" | "<<" | ">>"
                 { REFUSE("there are no bit operators"); }
    "`"          { REFUSE("names take double quotes, not backquotes"); }
    "#" | "//" | "/*"
                 { REFUSE("a comment starts with -- and goes to the end of the line"); }
    ":" | "?" | "$" | "@"
                 { REFUSE("there are no parameters; write the value itself"); }
    "{" | "}"    { REFUSE("there are no map literals; compare the fields one by one"); }
    "=>" | "=<"  { REFUSE("comparisons are = <> < <= > >="); }
    "=~" | "!~"  { REFUSE("there are no regular expressions; use LIKE with % and _"); }
    */
#undef ACCEPT
#undef REFUSE
}

static bool is_word(int kind)
{
    switch (kind) {
    case TOKEN_SELECT:
    case TOKEN_FROM:
    case TOKEN_WHERE:
    case TOKEN_LIMIT:
    case TOKEN_AS:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_NOT:
    case TOKEN_IN:
    case TOKEN_BETWEEN:
    case TOKEN_LIKE:
    case TOKEN_ESCAPE:
    case TOKEN_IS:
    case TOKEN_NULL:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_EXISTS:
    case TOKEN_KEY:
        return true;
    default:
        return false;
    }
}

bool lexer_next(struct lexer *lexer, struct token *token)
{
    const char *from;
    int kind;
    do {
        kind = scan(lexer, &from);
    } while (kind == LEX_SKIP);
    if (kind == LEX_FAILED)
        return false;
    if (is_word(kind) && (lexer->previous == TOKEN_DOT || lexer->previous == TOKEN_AS))
        kind = TOKEN_NAME;
    lexer->previous = kind;
    *token = (struct token){.kind = kind,
                            .offset = (uint32_t)(from - lexer->start),
                            .size = (uint32_t)(lexer->at - from)};
    return true;
}
