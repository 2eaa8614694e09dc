/*
 * cm_wit_lex.h - tokens of WIT text (WIT.md, "Lexical structure").
 */
#ifndef VYOMA_CM_WIT_LEX_H
#define VYOMA_CM_WIT_LEX_H

#include "vm/cm_wit.h"

/* Punctuation is its own character; the rest: */
enum {
    WIT_T_END = 0,
    WIT_T_ID = 256, /* a name or keyword; name without the % */
    WIT_T_INT,
    WIT_T_STRING,
    WIT_T_ARROW,
    WIT_T_BAD,
};

typedef struct wit_token {
    int kind;
    bool quoted; /* %name: never a keyword */
    bool glued;  /* nothing stands between it and the token before */
    uint32_t pos;
    vm_name text;
} wit_token;

typedef struct wit_lexer {
    const wit_source *source;
    size_t at, end;
    wit_token token; /* the current one */
    const char *bad; /* why the token is WIT_T_BAD */
} wit_lexer;

/* Starts at region.start; the first token is read. */
void wit_lex_init(wit_lexer *lexer, const wit_region *region);
void wit_lex_next(wit_lexer *lexer);
/* Reads a version in place of a token, right behind `@` or `=`, then the token
 * that follows it.  Empty on a bad one. */
vm_name wit_lex_version(wit_lexer *lexer);
/* Skips to the brace that closes the `{` that is the current token, and reads
 * the token behind it; *end is the brace's place.  False when there is none. */
bool wit_lex_skip_braces(wit_lexer *lexer, size_t *end);

/* Inline, so that the length of a literal is known. */
static inline bool wit_lex_is(const wit_lexer *lexer, const char *keyword)
{
    const wit_token *token = &lexer->token;
    return token->kind == WIT_T_ID && token->text.data[0] == keyword[0] &&
           !token->quoted && token->text.len == __builtin_strlen(keyword) &&
           !__builtin_memcmp(token->text.data, keyword, token->text.len);
}

#endif
