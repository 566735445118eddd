/* The socket file of the control socket: how it is made, replaced and taken away. */
#ifndef PROXY_CONTROL_SOCKET_H
#define PROXY_CONTROL_SOCKET_H

#include <sys/stat.h>
#include <sys/un.h>

/* 0, or ENAMETOOLONG (107 bytes are what unix(7) has room for). */
int control_address(struct sockaddr_un *, const char *path);

/* A listening socket, mode 0660, or -errno (see control_open). `file` says later whether it is still ours. */
int control_listen(const char *path, struct stat *file);

/* Removes the file if it is still the one that control_listen made. */
void control_remove(const char *path, const struct stat *file);

#endif
