/*
 * A gateway that pays every init and is never late: one thread, no allocation per call, and the arrival time of each call
 * is the kernel's (SO_TIMESTAMPNS on TCP: when the segment came in, whenever this process gets a core to read it).
 *
 *   receiver [answer delay in ms]
 *
 * Its first line on stdout is its port. When its stdin ends it prints the arrival of each init call, nanoseconds since the
 * epoch, one a line, and ends. For loopback and for clients that are known, as the stub gateway is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SOCKETS = 4096, MOST_BYTES = 65536, MOST_CALLS = 4 << 20, MOST_WAITING = 1 << 16 };

struct peer {
  char held[MOST_BYTES + 1];
  size_t size;
  int64_t arrived; /* of the first bytes that are held */
};

static struct peer *peers[MOST_SOCKETS];
static int64_t arrivals[MOST_CALLS];
static size_t calls;

struct waiting {
  int64_t due;
  int fd;
  char *text;
  size_t size;
};
static struct waiting line[MOST_WAITING];
static size_t first, last;
static int64_t delay_ns;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void drop(int fd) {
  close(fd);
  free(peers[fd]);
  peers[fd] = NULL;
  for (size_t i = first; i != last; i = (i + 1) % MOST_WAITING)
    if (line[i].fd == fd) line[i].fd = -1;
}

static void send_all(int fd, const char *text, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
    if (sent > 0) text += sent, size -= (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR) return;
  }
}

static void answer(int fd, const char *body, size_t size) {
  char *text = malloc(size + 256);
  if (text == NULL) fail("malloc");
  int head = sprintf(text, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", size);
  memcpy(text + head, body, size);
  if (delay_ns == 0) {
    send_all(fd, text, (size_t)head + size);
    free(text);
    return;
  }
  line[last] = (struct waiting){now(CLOCK_MONOTONIC) + delay_ns, fd, text, (size_t)head + size};
  last = (last + 1) % MOST_WAITING;
  if (last == first) {
    fputs("more calls wait for their answer than are expected\n", stderr);
    exit(1);
  }
}

static void send_due(void) {
  int64_t moment = now(CLOCK_MONOTONIC);
  for (; first != last && line[first].due <= moment; first = (first + 1) % MOST_WAITING) {
    if (line[first].fd >= 0) send_all(line[first].fd, line[first].text, line[first].size);
    free(line[first].text);
  }
}

#define MOMENT "\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"updated_at\":\"2026-01-01T00:00:00.000000Z\""

static void handle(int fd, struct peer *peer, const char *body, size_t size) {
  static char out[MOST_BYTES + 1024];
  const char *list = NULL;
  if (strncmp(peer->held, "POST /api/v1/session/init/payout ", 33) == 0) list = "payments";
  if (strncmp(peer->held, "POST /api/v1/session/init/payment ", 34) == 0) list = "acquiring_payments";
  if (list == NULL || size < 2) {
    static const char other[] = "{\"status\":\"ok\",\"wallets\":[]}";
    answer(fd, other, sizeof other - 1);
    return;
  }
  if (calls == MOST_CALLS) {
    fputs("more calls than can be noted\n", stderr);
    exit(1);
  }
  arrivals[calls++] = peer->arrived;
  int written = snprintf(out, sizeof out,
                         "{\"status\":\"ok\",\"session\":{\"id\":\"ps_%zu\",\"status\":\"accepted\"," MOMENT
                         ",\"%s\":[{\"id\":\"po_%zu\",\"status\":\"succeeded\"," MOMENT ",%.*s}]}}",
                         calls, list, calls, (int)size - 2, body + 1);
  answer(fd, out, (size_t)written);
}

/* Whole requests among the bytes that are held: a head, and as many bytes as its content-length says. */
static void take_requests(int fd, struct peer *peer) {
  while (peers[fd] == peer) {
    peer->held[peer->size] = 0;
    char *end = strstr(peer->held, "\r\n\r\n");
    if (end == NULL) return;
    char *length = strcasestr(peer->held, "\r\ncontent-length:");
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t whole = (size_t)(end - peer->held) + 4 + body;
    if (whole > MOST_BYTES) return drop(fd);
    if (peer->size < whole) return;
    handle(fd, peer, end + 4, body);
    memmove(peer->held, peer->held + whole, peer->size - whole);
    peer->size -= whole;
  }
}

static void read_from(int fd) {
  struct peer *peer = peers[fd];
  char control[256];
  struct iovec into = {peer->held + peer->size, MOST_BYTES - peer->size};
  struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(fd, &message, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop(fd);
  int64_t stamp = 0;
  for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one != NULL; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec at;
    memcpy(&at, CMSG_DATA(one), sizeof at);
    stamp = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
  }
  if (stamp == 0) {
    fputs("the kernel gives no time stamps for TCP: Linux 4.14 or later is needed\n", stderr);
    exit(1);
  }
  if (peer->size == 0) peer->arrived = stamp;
  peer->size += (size_t)got;
  take_requests(fd, peer);
}

static void accept_all(int listener, int epoll) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= MOST_SOCKETS || (peers[fd] = calloc(1, sizeof(struct peer))) == NULL) {
      close(fd);
      continue;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd}) != 0) fail("epoll_ctl");
  }
}

int main(int argc, char **argv) {
  delay_ns = argc > 1 ? (int64_t)(atof(argv[1]) * 1e6) : 0;
  /* Its answers are then not late either; without the right to it, the arrival times are exact all the same. */
  setpriority(PRIO_PROCESS, 0, -15);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int on = 1;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0) fail("bind");
  /* Accepted sockets inherit it, so that the first segment has its stamp too. */
  if (setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) fail("SO_TIMESTAMPNS");
  if (listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) fail("listen");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.fd = 0});
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    struct epoll_event events[256];
    int64_t left = first == last ? -1 : line[first].due - now(CLOCK_MONOTONIC);
    int count = epoll_wait(epoll, events, 256, first == last ? -1 : left <= 0 ? 0 : (int)(left / 1000000 + 1));
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      char ignored[256];
      if (fd == listener) accept_all(listener, epoll);
      else if (fd != 0) read_from(fd);
      else if (read(0, ignored, sizeof ignored) <= 0) {
        for (size_t n = 0; n < calls; n++) printf("%lld\n", (long long)arrivals[n]);
        return 0;
      }
    }
    send_due();
  }
}
