/* The subcommands of design.md §8: one table in main.c, each command a function of this shape; returns the exit status.
 */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

int command_run(int argc, char **argv);   /* proxy/warden.c */
int command_setup(int argc, char **argv); /* proxy/setup_command.c */
int command_check(int argc, char **argv); /* proxy/main.c or config */
int command_stats(int argc, char **argv); /* proxy/control_client.c */
int command_top(int argc, char **argv);   /* proxy/control_client.c */
int command_purge(int argc, char **argv); /* proxy/control_client.c */
int command_version(int argc, char **argv);

#endif
