// SPDX-License-Identifier: Apache-2.0
// SELECT ... FROM ... WHERE ... LIMIT, as docs/query.md describes it. One rule per precedence:
// OR, AND, NOT, predicate, + -, * / %, unary minus, primary.
%name grammar
%token_prefix TOKEN_
%token_type {struct token}
%extra_argument {struct parse *parse}
// Enough for NODE_DEPTH_MAX levels with all precedences pending at each.
%stack_size 2400
%stack_overflow { parse_overflow(parse); }
%syntax_error { parse->refused = true; }

%include {
#include "cluster/base/check.h"
#include "node/query/parse.h"
}

%type expr {struct node *}
%type conjunction {struct node *}
%type negation {struct node *}
%type predicate {struct node *}
%type elements {struct node *}
%type sum {struct node *}
%type product {struct node *}
%type unary {struct node *}
%type primary {struct node *}
%type path {struct node *}
%type arguments {struct node *}

%token_class comparison EQUAL|UNEQUAL|LESS|LESS_EQUAL|GREATER|GREATER_EQUAL.

query ::= SELECT columns FROM name(M) where limit semicolon. { parse_map(parse, M); }

columns ::= STAR. { parse->select.selects_all = true; }
columns ::= items.
items ::= item.
items ::= items COMMA item.
item ::= expr(E). { parse_column(parse, E, NULL); }
item ::= expr(E) AS name(N). { parse_column(parse, E, &N); }

where ::= .
where ::= WHERE expr(E). { parse->select.where = E; }

limit ::= .
limit ::= LIMIT INTEGER(I). { parse_limit(parse, I); }

semicolon ::= .
semicolon ::= SEMICOLON.

name(A) ::= NAME(N). { A = N; }
name(A) ::= QUOTED(N). { A = N; }

expr(A) ::= conjunction(E). { A = E; }
expr(A) ::= expr(L) OR conjunction(R). { A = parse_join(parse, NODE_OR, L, R); }

conjunction(A) ::= negation(E). { A = E; }
conjunction(A) ::= conjunction(L) AND negation(R). { A = parse_join(parse, NODE_AND, L, R); }

negation(A) ::= predicate(E). { A = E; }
negation(A) ::= NOT(O) negation(E). { A = parse_unary(parse, NODE_NOT, O, E); }

predicate(A) ::= sum(E). { A = E; }
predicate(A) ::= sum(L) comparison(O) sum(R). { A = parse_compare(parse, L, O, R); }
predicate(A) ::= sum(E) IN(O) LEFT elements(L) RIGHT(Z). { A = parse_in(parse, E, O, L, Z, false); }
predicate(A) ::= sum(E) NOT(O) IN LEFT elements(L) RIGHT(Z). { A = parse_in(parse, E, O, L, Z, true); }
predicate(A) ::= sum(E) BETWEEN(O) sum(L) AND sum(H). {
    A = parse_between(parse, E, O, L, H, false);
}
predicate(A) ::= sum(E) NOT(O) BETWEEN sum(L) AND sum(H). {
    A = parse_between(parse, E, O, L, H, true);
}
predicate(A) ::= sum(E) LIKE(O) STRING(P). { A = parse_like(parse, E, O, P, NULL, false); }
predicate(A) ::= sum(E) NOT(O) LIKE STRING(P). { A = parse_like(parse, E, O, P, NULL, true); }
predicate(A) ::= sum(E) LIKE(O) STRING(P) ESCAPE STRING(C). {
    A = parse_like(parse, E, O, P, &C, false);
}
predicate(A) ::= sum(E) NOT(O) LIKE STRING(P) ESCAPE STRING(C). {
    A = parse_like(parse, E, O, P, &C, true);
}
predicate(A) ::= sum(E) IS(O) NULL(Z). { A = parse_is_null(parse, E, O, Z, false); }
predicate(A) ::= sum(E) IS(O) NOT NULL(Z). { A = parse_is_null(parse, E, O, Z, true); }
predicate(A) ::= EXISTS(O) path(P). { A = parse_unary(parse, NODE_EXISTS, O, P); }
predicate(A) ::= EXISTS(O) LEFT path(P) RIGHT(Z). { A = parse_exists(parse, O, P, Z); }

elements(A) ::= sum(E). { A = parse_elements(parse, E); }
elements(A) ::= elements(L) COMMA sum(E). { A = L; node_append(A, E); }

sum(A) ::= product(E). { A = E; }
sum(A) ::= sum(L) PLUS(O) product(R). { A = parse_arithmetic(parse, L, O, R); }
sum(A) ::= sum(L) MINUS(O) product(R). { A = parse_arithmetic(parse, L, O, R); }

product(A) ::= unary(E). { A = E; }
product(A) ::= product(L) STAR(O) unary(R). { A = parse_arithmetic(parse, L, O, R); }
product(A) ::= product(L) SLASH(O) unary(R). { A = parse_arithmetic(parse, L, O, R); }
product(A) ::= product(L) PERCENT(O) unary(R). { A = parse_arithmetic(parse, L, O, R); }

unary(A) ::= primary(E). { A = E; }
unary(A) ::= MINUS(O) unary(E). { A = parse_minus(parse, O, E); }

primary(A) ::= INTEGER(L). { A = parse_literal(parse, L); }
primary(A) ::= FLOAT(L). { A = parse_literal(parse, L); }
primary(A) ::= STRING(L). { A = parse_literal(parse, L); }
primary(A) ::= BINARY(L). { A = parse_literal(parse, L); }
primary(A) ::= TRUE(L). { A = parse_literal(parse, L); }
primary(A) ::= FALSE(L). { A = parse_literal(parse, L); }
primary(A) ::= NULL(L). { A = parse_literal(parse, L); }
primary(A) ::= KEY(L). { A = parse_key(parse, L); }
primary(A) ::= path(P). { A = P; }
primary(A) ::= LEFT(F) expr(E) RIGHT(Z). { A = parse_parentheses(E, F, Z); }
primary(A) ::= NAME(N) LEFT RIGHT(Z). { A = parse_call(parse, N, NULL, Z); }
primary(A) ::= NAME(N) LEFT arguments(L) RIGHT(Z). { A = parse_call(parse, N, L, Z); }

arguments(A) ::= expr(E). { A = parse_elements(parse, E); }
arguments(A) ::= arguments(L) COMMA expr(E). { A = L; node_append(A, E); }

path(A) ::= name(N). { A = parse_path(parse, N); }
path(A) ::= path(P) DOT name(N). { A = parse_path_name(parse, P, N); }
path(A) ::= path(P) OPEN INTEGER(I) CLOSE(Z). { A = parse_path_index(parse, P, I, Z); }

%code {
bool grammar_run(struct parse *parse, bool is_careful, grammar_feed *feed)
{
    struct yyParser parser; // large, and gone at the end: for the stack
    grammarInit(&parser);
    bool done = feed(parse, &parser, is_careful);
    grammarFinalize(&parser);
    return done;
}

// Whether the parser can take this token now. It runs the automaton's reductions on an overlay of
// the state stack, because default reductions would otherwise have gone too far to tell what had
// been possible instead.
bool grammar_accepts(const void *parser, int kind)
{
    enum { OVERLAY_MAX = 64 }; // reductions that push more than they pop: one per empty rule
    const struct yyParser *grammar_parser = parser;
    const yyStackEntry *base = grammar_parser->yytos;
    YYACTIONTYPE overlay[OVERLAY_MAX];
    int pushed = 0;
    YYACTIONTYPE state = base->stateno;
    for (;;) {
        YYACTIONTYPE action = yy_find_shift_action((YYCODETYPE)kind, state);
        if (action == YY_ERROR_ACTION || action == YY_NO_ACTION)
            return false;
        if (action < YY_MIN_REDUCE)
            return true; // shift or accept
        int rule = action - YY_MIN_REDUCE;
        int popped = -yyRuleInfoNRhs[rule];
        int from_overlay = popped < pushed ? popped : pushed;
        pushed -= from_overlay;
        base -= popped - from_overlay;
        state = pushed > 0 ? overlay[pushed - 1] : base->stateno;
        state = yy_find_reduce_action(state, (YYCODETYPE)yyRuleInfoLhs[rule]);
        if (state == YY_ACCEPT_ACTION)
            return true;
        CHECK(pushed < OVERLAY_MAX);
        overlay[pushed++] = state;
    }
}
}
