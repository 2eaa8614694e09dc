/*
 * cmd.h - the commands of the `vyoma` binary, one per cmd_NAME.c.  Each gets
 * its own argv (argv[0] is the command's name) and returns the exit status.
 */
#ifndef VYOMA_CMD_H
#define VYOMA_CMD_H

int cmd_init(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_objdump(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_wast(int argc, char **argv);

#endif
