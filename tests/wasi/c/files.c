/* files.c - a stock program's way through libc to files and directories. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_and_read(void)
{
    char text[64] = "";
    FILE *file = fopen("/data/note.txt", "w+");
    assert(file);
    for (int i = 0; i < 10000; i++)
        fprintf(file, "line %d\n", i);
    assert(!fseek(file, -10, SEEK_END));
    assert(fgets(text, sizeof text, file));
    assert(!strcmp(text, "line 9999\n"));
    assert(ftell(file) == 98890 - 0);
    assert(!fclose(file));
}

static void list(void)
{
    int files = 0, dirs = 0;
    assert(!mkdir("/data/sub", 0777));
    DIR *dir = opendir("/data");
    assert(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        files += !strcmp(e->d_name, "note.txt") && e->d_type == DT_REG;
        dirs += !strcmp(e->d_name, "sub") && e->d_type == DT_DIR;
    }
    closedir(dir);
    assert(files == 1 && dirs == 1);
}

static void move_and_remove(void)
{
    struct stat st;
    assert(!rename("/data/note.txt", "/data/sub/moved"));
    assert(!stat("/data/sub/moved", &st) && st.st_size == 98890);
    assert(!truncate("/data/sub/moved", 5));
    assert(!stat("/data/sub/moved", &st) && st.st_size == 5);
    assert(rmdir("/data/sub") == -1 && errno == ENOTEMPTY);
    assert(!unlink("/data/sub/moved"));
    assert(!rmdir("/data/sub"));
    assert(stat("/data/sub", &st) == -1 && errno == ENOENT);
}

int main(void)
{
    assert(open("/etc/passwd", O_RDONLY) == -1);
    assert(open("/data/../etc/passwd", O_RDONLY) == -1);
    write_and_read();
    list();
    move_and_remove();
    puts("files: all good");
    return 0;
}
