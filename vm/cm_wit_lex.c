/*
 * cm_wit_lex.c - splits WIT text into tokens (cm_wit_lex.h).
 *
 * A version ("0.2.12-rc.1") is no token of its own, since "0.2" could also end
 * a path that goes on with ".{"; the parser asks for one where it may stand.
 */
#include "vm/cm_wit_lex.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
    return is_digit(c) || is_lower(c) || is_upper(c);
}

static char peek(const wit_lexer *lexer, size_t ahead)
{
    return ahead < lexer->end - lexer->at
               ? lexer->source->text[lexer->at + ahead]
               : '\0';
}

static void skip_line(wit_lexer *lexer)
{
    while (lexer->at < lexer->end && peek(lexer, 0) != '\n')
        lexer->at++;
}

/* Block comments nest.  False when one is not closed. */
static bool skip_block(wit_lexer *lexer)
{
    unsigned depth = 0;
    size_t start = lexer->at;
    while (lexer->at < lexer->end) {
        if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
            depth++;
            lexer->at += 2;
        } else if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->at += 2;
            if (!--depth)
                return true;
        } else {
            lexer->at++;
        }
    }
    lexer->at = start;
    return false;
}

static bool skip_space(wit_lexer *lexer)
{
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = peek(lexer, 0);
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c != '/' || (peek(lexer, 1) != '/' && peek(lexer, 1) != '*'))
            return true;
        if (peek(lexer, 1) == '/')
            skip_line(lexer);
        else if (!skip_block(lexer))
            return false;
        lexer->at--;
    }
    return true;
}

/* Explainer.md, label: words joined by '-', each all lower or all upper case,
 * the first one beginning with a letter. */
static bool is_label(vm_name name)
{
    bool lower = false, upper = false, empty = true;
    if (!name.len || is_digit(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (c == '-') {
            if (empty)
                return false;
            lower = upper = false;
            empty = true;
            continue;
        }
        lower |= is_lower(c);
        upper |= is_upper(c);
        empty = false;
        if (lower && upper)
            return false;
    }
    return !empty;
}

static int bad(wit_lexer *lexer, const char *why)
{
    lexer->bad = why;
    return WIT_T_BAD;
}

static int lex_name(wit_lexer *lexer, wit_token *token)
{
    token->quoted = peek(lexer, 0) == '%';
    lexer->at += token->quoted;
    size_t start = lexer->at;
    while (is_word(peek(lexer, 0)) ||
           (peek(lexer, 0) == '-' && peek(lexer, 1) != '>'))
        lexer->at++;
    token->text.data = lexer->source->text + start;
    token->text.len = lexer->at - start;
    if (token->text.len == 0 && peek(lexer, 0) == '_') {
        lexer->at++;
        token->text.len = 1;
        return '_';
    }
    return is_label(token->text)
               ? WIT_T_ID
               : bad(lexer, "a name is words of letters and digits joined by "
                            "'-', each in one case");
}

static int lex_int(wit_lexer *lexer, wit_token *token)
{
    size_t start = lexer->at;
    while (is_digit(peek(lexer, 0)))
        lexer->at++;
    token->text = (vm_name){lexer->source->text + start, lexer->at - start};
    return WIT_T_INT;
}

static int lex_string(wit_lexer *lexer, wit_token *token)
{
    size_t start = ++lexer->at;
    while (lexer->at < lexer->end && peek(lexer, 0) != '"')
        lexer->at += peek(lexer, 0) == '\\' ? 2 : 1;
    if (lexer->at >= lexer->end) {
        lexer->at = lexer->end;
        return bad(lexer, "the string is not closed");
    }
    token->text = (vm_name){lexer->source->text + start, lexer->at - start};
    lexer->at++;
    return WIT_T_STRING;
}

static int lex_token(wit_lexer *lexer, wit_token *token)
{
    char c = peek(lexer, 0);
    if (is_lower(c) || is_upper(c) || c == '%' || c == '_')
        return lex_name(lexer, token);
    if (is_digit(c))
        return lex_int(lexer, token);
    if (c == '"')
        return lex_string(lexer, token);
    token->text = (vm_name){lexer->source->text + lexer->at, 1};
    if (c == '-' && peek(lexer, 1) == '>') {
        token->text.len = 2;
        lexer->at += 2;
        return WIT_T_ARROW;
    }
    lexer->at++;
    if (c && strchr("=,:;(){}<>*/.@", c))
        return c;
    return bad(lexer, "no token begins with this character");
}

void wit_lex_next(wit_lexer *lexer)
{
    wit_token token = {0};
    size_t before = lexer->at;
    bool closed = skip_space(lexer);
    token.glued = lexer->at == before;
    token.pos = (uint32_t)lexer->at;
    if (!closed) {
        token.kind = bad(lexer, "the comment is not closed");
        lexer->at = lexer->end;
    } else if (lexer->at < lexer->end) {
        token.kind = lex_token(lexer, &token);
    }
    lexer->token = token;
}

void wit_lex_init(wit_lexer *lexer, const wit_region *region)
{
    *lexer = (wit_lexer){
        .source = region->source, .at = region->start, .end = region->end};
    wit_lex_next(lexer);
}

vm_name wit_lex_version(wit_lexer *lexer)
{
    lexer->at = lexer->token.pos;
    if (!skip_space(lexer))
        return (vm_name){0};
    size_t start = lexer->at;
    while (is_word(peek(lexer, 0)) || peek(lexer, 0) == '-' ||
           ((peek(lexer, 0) == '.' || peek(lexer, 0) == '+') &&
            is_word(peek(lexer, 1))))
        lexer->at++;
    vm_name version = {lexer->source->text + start, lexer->at - start};
    wit_lex_next(lexer);
    return version.len && is_digit(version.data[0]) ? version : (vm_name){0};
}

/* Character by character: this runs over all text, used or not. */
bool wit_lex_skip_braces(wit_lexer *lexer, size_t *end)
{
    unsigned depth = 1;
    wit_token string;
    while (lexer->at < lexer->end) {
        char c = lexer->source->text[lexer->at];
        bool comment =
            c == '/' && (peek(lexer, 1) == '/' || peek(lexer, 1) == '*');
        if (comment || c == '"') {
            if (comment ? !skip_space(lexer)
                        : lex_string(lexer, &string) == WIT_T_BAD)
                return false;
            continue;
        }
        depth += c == '{';
        depth -= c == '}';
        if (!depth)
            break;
        lexer->at++;
    }
    if (lexer->at >= lexer->end)
        return false;
    *end = lexer->at++;
    wit_lex_next(lexer);
    return true;
}
