/* The subcommands of design.md §8: one table in main.c, each command a function of this shape; argv[0] is the command's
 * name, and what is returned is the exit status: 0, 1 after an error that was said, 2 if the words make no sense. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

int command_run(int argc, char **argv);    /* proxy/run.c */
int command_setup(int argc, char **argv);  /* proxy/setup_command.c */
int command_check(int argc, char **argv);  /* proxy/command.c */
int command_doctor(int argc, char **argv); /* proxy/doctor_command.c; 0, 1 (warnings) or 2 (broken) */
int command_stats(int argc, char **argv);  /* proxy/control_client.c */
int command_top(int argc, char **argv);    /* proxy/control_client.c */
int command_why(int argc, char **argv);    /* proxy/control_client.c */
int command_purge(int argc, char **argv);  /* proxy/control_client.c */
int command_version(int argc, char **argv);

/* The configuration's path for a command whose only words are "-c FILE"; NULL if there are others. */
const char *command_config(int argc, char **argv);

/* Says how a command is used; returns 2. */
int command_misused(const char *usage);

#endif
