/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard: a child process that takes off what this process attached, should it die without doing
 * so itself (kill -9, a crash). XDP programs and TC filters attached by netlink outlive the process
 * that put them on, and links that would not are not what libxdp and clsact give. The guard holds
 * a socket to us and does nothing until that socket closes. It also holds the interfaces' locks, so
 * that a next run waits until it is done.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum guard_op { GUARD_ADD = 1, GUARD_REMOVE };

struct guard_message {
	uint32_t op;
	struct plx_attachment on;
};

struct guarded {
	struct plx_attachment on;
	int lock_fd;
};

int plx_attachment_remove(const struct plx_attachment *on)
{
	return on->kind == PLX_ON_XDP ? plx_xdp_remove(on) : plx_tc_remove(on);
}

static ssize_t receive(int fd, struct guard_message *msg, int *ret_lock_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {msg, sizeof(*msg)};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	ssize_t n;

	*ret_lock_fd = -1;
	do {
		n = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	cmsg = n > 0 ? CMSG_FIRSTHDR(&hdr) : NULL;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_lock_fd, CMSG_DATA(cmsg), sizeof(int));
	return n;
}

static void drop(struct guarded *list, size_t *nr, size_t i)
{
	if (list[i].lock_fd >= 0)
		close(list[i].lock_fd);
	memmove(&list[i], &list[i + 1], (*nr - i - 1) * sizeof(*list));
	(*nr)--;
}

__attribute__((noreturn)) static void guard_main(int fd)
{
	static struct guarded list[PLX_MAX_ATTACHMENTS];
	struct guard_message msg;
	size_t nr = 0;
	int lock_fd;

	while (receive(fd, &msg, &lock_fd) == sizeof(msg)) {
		if (msg.op == GUARD_ADD && nr < PLX_MAX_ATTACHMENTS) {
			list[nr++] = (struct guarded){msg.on, lock_fd};
			continue;
		}
		if (lock_fd >= 0)
			close(lock_fd);
		for (size_t i = 0; msg.op == GUARD_REMOVE && i < nr; i++)
			if (memcmp(&list[i].on, &msg.on, sizeof(msg.on)) == 0) {
				drop(list, &nr, i);
				break;
			}
	}
	/* Newest first: filters before their qdisc. */
	while (nr > 0) {
		(void)plx_attachment_remove(&list[nr - 1].on); /* nobody is left to be told */
		drop(list, &nr, nr - 1);
	}
	_exit(0);
}

/* Fork the guard. Call before there are threads. */
int plx_guard_start(struct plx_dataplane *dp)
{
	int fds[2], null;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid == 0) {
		/* Away from the terminal's signals, and from every descriptor but our own. */
		setsid();
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		prctl(PR_SET_NAME, "parallaxd-guard");
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(fds[1], 3);
		close_range(4, ~0U, 0);
		guard_main(3);
	}
	close(fds[1]);
	dp->guard_fd = fds[0];
	dp->guard_pid = pid;
	return 0;
}

static int tell(struct plx_dataplane *dp, uint32_t op, const struct plx_attachment *on, int lock_fd)
{
	struct guard_message msg = {.op = op, .on = *on};
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = {&msg, sizeof(msg)};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};

	if (lock_fd >= 0) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control;
		hdr.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &lock_fd, sizeof(int));
	}
	if (sendmsg(dp->guard_fd, &hdr, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int plx_guard_add(struct plx_dataplane *dp, const struct plx_attachment *on, int lock_fd)
{
	return tell(dp, GUARD_ADD, on, lock_fd);
}

int plx_guard_remove(struct plx_dataplane *dp, const struct plx_attachment *on)
{
	return tell(dp, GUARD_REMOVE, on, -1);
}

/* End the guard; it takes off what it still has on its list. */
void plx_guard_stop(struct plx_dataplane *dp)
{
	if (dp->guard_fd < 0)
		return;
	close(dp->guard_fd);
	dp->guard_fd = -1;
	while (waitpid(dp->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
}
