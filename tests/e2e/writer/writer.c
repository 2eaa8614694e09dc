/*
 * writer - replaces eight files in turn for ever, and says of each version when
 * it is on disk: "writer: saved 17".  A version is its number, written so often
 * that it does not fit one page.
 */
#include "sdk/wasi.h"

enum { FILES = 8, REPEATS = 1500 };

static char content[REPEATS * 8];

/* "00000017" for each repeat. */
static str version(uint64_t n)
{
    text t = TEXT(content);
    for (int i = 0; i < REPEATS; i++)
        put_padded(&t, n, 8, '0');
    return text_str(&t);
}

static void say(const char *what, uint64_t n)
{
    static char line[64];
    text t = TEXT(line);
    put_text(&t, "writer: ");
    put_text(&t, what);
    put_char(&t, ' ');
    put_number(&t, (int64_t)n);
    put_char(&t, '\n');
    print(text_str(&t));
}

APP_RUN int app_run(void)
{
    handle root = fs_root();
    for (uint64_t n = 0;; n++) {
        char name = (char)('0' + n % FILES);
        uint8_t error;
        if (!fs_save(root, (str){&name, 1}, version(n), &error)) {
            say(fs_error_name(error), n);
            return 1;
        }
        say("saved", n);
    }
}
