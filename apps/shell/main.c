/*
 * shell - an interactive command interpreter over stdin and stdout.
 *
 * Runs on the serial console, and inside the terminal app, which holds its
 * streams.  It has no power of its own: every command is a host call that the
 * manifest grants (vyoma:process verbs, granted folders).
 */
#include "sdk/process.h"

#define LINE_LIMIT 1024
#define ARGUMENTS 16

static char out_buffer[4096];
static text out = TEXT(out_buffer);
static handle in;

static void flush(void)
{
    print(text_str(&out));
    out.len = 0;
}

static void say(str s)
{
    if (s.len > out.size - out.len)
        flush();
    if (s.len > out.size)
        print(s);
    else
        put(&out, s);
}

static void say_error(str what, str why)
{
    say(what);
    say(STR(": "));
    say(why);
    say(STR("\n"));
}

static void say_row_start(void)
{
    if (out.size - out.len < 256)
        flush();
}

/* ---- processes ---- */

static void cmd_ps(str rest)
{
    static const char states[][9] = {"starting", "ready", "stopping",
                                     "waiting"};
    instance_list list;
    process_instances(&list);
    if (list.is_err)
        return say_error(STR("ps"), list.error);
    say(STR("   ID  APP             STATE      MEMORY    CPU ms   UPTIME s\n"));
    for (size_t i = 0; i < list.len; i++) {
        const app_instance *a = &list.items[i];
        say_row_start();
        put_padded(&out, a->id, 5, ' ');
        put(&out, STR("  "));
        size_t start = out.len;
        put(&out, (str){a->app.data, MIN(a->app.len, 31)});
        put_column(&out, start, 16);
        start = out.len;
        put_text(&out, states[a->state & 3]);
        put_column(&out, start, 9);
        char figure[24];
        text size = TEXT(figure);
        put_size(&size, a->memory);
        for (size_t pad = size.len; pad < 8; pad++)
            put_char(&out, ' ');
        put(&out, text_str(&size));
        put_padded(&out, a->cpu / MILLISECOND, 10, ' ');
        put_padded(&out, a->uptime / 1000, 11, ' ');
        put_char(&out, '\n');
    }
}

static void cmd_apps(str rest)
{
    app_list list;
    process_apps(&list);
    if (list.is_err)
        return say_error(STR("apps"), list.error);
    for (size_t i = 0; i < list.len; i++) {
        say_row_start();
        size_t start = out.len;
        put(&out, list.items[i].name);
        put_column(&out, start, 16);
        put(&out, list.items[i].title);
        put_char(&out, '\n');
    }
}

static size_t split(str rest, str *words)
{
    size_t n = 0;
    while (rest.len && n < ARGUMENTS)
        words[n++] = str_word(&rest);
    return n;
}

static void cmd_run(str rest)
{
    str words[ARGUMENTS], app = str_word(&rest);
    size_t count = split(rest, words);
    if (!app.len)
        return say(STR("usage: run APP [ARGUMENT ...]\n"));
    launch_result r;
    process_launch(app.data, app.len, words, count, &r);
    if (r.is_err)
        return say_error(app, r.error);
    put(&out, app);
    put(&out, STR(" runs as "));
    put_number(&out, r.id);
    put_char(&out, '\n');
}

static void cmd_kill(str rest)
{
    uint64_t id;
    if (!str_number(str_word(&rest), &id) || id > UINT32_MAX)
        return say(STR("usage: kill ID   (ps shows the ids)\n"));
    done_result r;
    process_kill((uint32_t)id, &r);
    if (r.is_err)
        say_error(STR("kill"), r.error);
}

static void cmd_log(str rest)
{
    str app = str_word(&rest), lines = str_word(&rest);
    uint64_t count = 20;
    if (!app.len || (lines.len && !str_number(lines, &count)))
        return say(STR("usage: log APP [LINES]\n"));
    lines_result r;
    process_log(app.data, app.len, (uint32_t)MIN(count, 500), &r);
    if (r.is_err)
        return say_error(STR("log"), r.error);
    for (size_t i = 0; i < r.lines.len; i++) {
        say(r.lines.items[i]);
        say(STR("\n"));
    }
}

/* ---- files ---- */

static bool list_grants(void)
{
    preopen_list dirs;
    get_directories(&dirs);
    for (size_t i = 0; i < dirs.len; i++) {
        say(dirs.items[i].path);
        say(STR("\n"));
    }
    return true;
}

static void cmd_ls(str rest)
{
    str path = str_word(&rest), below;
    if (!path.len || str_equal(path, STR("/"))) {
        list_grants();
        return;
    }
    handle root = fs_resolve(path, &below);
    if (root < 0)
        return say_error(path, STR("not in a granted folder (ls shows them)"));
    handle_result dir, entries;
    fs_open_at(root, FOLLOW_SYMLINKS, below.data, below.len, OPEN_DIRECTORY,
               MODE_READ, &dir);
    if (dir.is_err)
        return say_error(path, str_of(fs_error_name(dir.error)));
    fs_read_directory(dir.value, &entries);
    while (!entries.is_err) {
        entry_result e;
        fs_next_entry(entries.value, &e);
        if (e.is_err || !e.is_some)
            break;
        say(e.name);
        say(e.type == TYPE_DIRECTORY ? STR("/\n") : STR("\n"));
    }
    if (!entries.is_err)
        fs_stream_drop(entries.value);
    fs_drop(dir.value);
}

static void cmd_cat(str rest)
{
    str path = str_word(&rest), below;
    if (!path.len)
        return say(STR("usage: cat FILE\n"));
    handle root = fs_resolve(path, &below);
    if (root < 0)
        return say_error(path, STR("not in a granted folder (ls shows them)"));
    handle_result file;
    fs_open_at(root, FOLLOW_SYMLINKS, below.data, below.len, 0, MODE_READ,
               &file);
    if (file.is_err)
        return say_error(path, str_of(fs_error_name(file.error)));
    for (uint64_t at = 0;;) {
        void *mark = arena_mark();
        read_result got;
        fs_read(file.value, 4096, at, &got);
        if (got.is_err)
            say_error(path, str_of(fs_error_name(got.error)));
        else
            say(got.data);
        bool end = got.is_err || got.at_end || !got.data.len;
        at += got.is_err ? 0 : got.data.len;
        flush();
        arena_release(mark);
        if (end)
            break;
    }
    fs_drop(file.value);
}

/* ---- the system ---- */

static void cmd_uptime(str rest)
{
    system_info s;
    process_system(&s);
    if (s.is_err)
        return say_error(STR("uptime"), s.error);
    put(&out, STR("up "));
    put_number(&out, (int64_t)(s.uptime / 1000));
    put(&out, STR(" s, "));
    put_size(&out, s.memory_total - s.memory_free);
    put(&out, STR(" of "));
    put_size(&out, s.memory_total);
    put(&out, STR(" used, "));
    put_number(&out, s.processors);
    put(&out, STR(" processors\n"));
}

static void cmd_echo(str rest)
{
    say(rest);
    say(STR("\n"));
}

static void cmd_clear(str rest)
{
    say(STR("\033[2J\033[H"));
}

static void cmd_shutdown(str rest)
{
    done_result r;
    process_power_off(&r);
    if (r.is_err)
        say_error(STR("shutdown"), r.error);
}

static void cmd_reboot(str rest)
{
    done_result r;
    process_restart(&r);
    if (r.is_err)
        say_error(STR("reboot"), r.error);
}

static void cmd_help(str rest);

static const struct {
    char name[10];
    char arguments[22];
    void (*run)(str rest);
    const char *summary;
} commands[] = {
    {"help", "", cmd_help, "this list"},
    {"ps", "", cmd_ps, "what runs"},
    {"apps", "", cmd_apps, "what is installed"},
    {"run", "APP [ARGUMENT ...]", cmd_run, "start an app"},
    {"kill", "ID", cmd_kill, "end an instance"},
    {"log", "APP [LINES]", cmd_log, "what an app has written"},
    {"ls", "[FOLDER]", cmd_ls, "list a folder"},
    {"cat", "FILE", cmd_cat, "show a file"},
    {"uptime", "", cmd_uptime, "time since boot"},
    {"echo", "[TEXT]", cmd_echo, "say it again"},
    {"clear", "", cmd_clear, "clear the screen"},
    {"shutdown", "", cmd_shutdown, "power off"},
    {"reboot", "", cmd_reboot, "start again"},
};

static void cmd_help(str rest)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        say_row_start();
        size_t start = out.len;
        put_text(&out, commands[i].name);
        put_char(&out, ' ');
        put_text(&out, commands[i].arguments);
        put_column(&out, start, 28);
        put_text(&out, commands[i].summary);
        put_char(&out, '\n');
    }
}

static void execute(str line)
{
    str name = str_word(&line);
    while (line.len && line.data[line.len - 1] == ' ')
        line.len--;
    if (!name.len)
        return;
    for (size_t i = 0; i < COUNT(commands); i++)
        if (str_equal(name, str_of(commands[i].name)))
            return commands[i].run(line);
    say_error(name, STR("no such command; help lists them"));
}

/* ---- lines ---- */

static void prompt(void)
{
    say(STR("vyoma> "));
    flush();
}

/* Feeds typed bytes; executes at each end of line. */
static void feed(str data)
{
    static char line[LINE_LIMIT];
    static size_t length;
    static bool cut;
    for (size_t i = 0; i < data.len; i++) {
        char c = data.data[i];
        if (c != '\n' && c != '\r') {
            if (length < LINE_LIMIT)
                line[length++] = c;
            else
                cut = true;
            continue;
        }
        if (cut)
            say(STR("line too long (1024 bytes at most)\n"));
        else
            execute((str){line, length});
        length = 0;
        cut = false;
        prompt();
    }
}

APP_RUN int app_run(void)
{
    in = get_stdin();
    say(STR("VyomaOS shell. Type help.\n"));
    prompt();
    for (;;) {
        void *mark = arena_mark();
        stream_read got;
        input_blocking_read(in, LINE_LIMIT, &got);
        if (got.is_err) {
            if (!got.closed)
                io_error_drop(got.error);
            return 0;
        }
        feed(got.data);
        arena_release(mark);
    }
}
