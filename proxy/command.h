/* The subcommands of design.md §8: one table in main.c, each command a function of this shape; argv[0] is the command's
 * name, "limpid" before it, for what getopt(3) says; what is returned is the exit status: 0, 1 after an error that was
 * said, 2 if the words make no sense. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

#include <stdbool.h>

struct config;

int command_run(int argc, char **argv);    /* proxy/run.c */
int command_setup(int argc, char **argv);  /* proxy/setup_command.c */
int command_check(int argc, char **argv);  /* proxy/command.c */
int command_doctor(int argc, char **argv); /* proxy/doctor_command.c; 0, 1 (warnings), 2 (broken), or of sysexits.h */
int command_stats(int argc, char **argv);  /* proxy/control_client.c */
int command_top(int argc, char **argv);    /* proxy/control_client.c */
int command_why(int argc, char **argv);    /* proxy/control_client.c */
int command_purge(int argc, char **argv);  /* proxy/control_client.c */
int command_version(int argc, char **argv);

/* The configuration's path for a command whose only words are "-c FILE"; NULL if there are others. */
const char *command_config(int argc, char **argv);

/* Whether no word is left after the options; says which one is too many. */
bool command_ends(int argc, char **argv);

/* Whether the kernel would tell less than is there, and take nothing: not root, without the capabilities; says so. */
bool command_lacks_root(const struct config *);

/* Says how a command is used; returns 2. */
int command_misused(const char *usage);

#endif
