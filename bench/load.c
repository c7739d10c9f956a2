/* load: asks a forward proxy as fast as it answers, or at a set rate, and checks every answer.
 *
 * One thread, one epoll, connections that are kept.  A request is sent when the answer to the one before is complete:
 * nothing is pipelined.  Outside TLS requests are in absolute-form (RFC 9112 §3.2.2); inside, each connection is a
 * tunnel by CONNECT (RFC 9110 §9.3.6) with TLS to the origin's name, and the targets are in origin-form.
 *
 * The outcome is one JSON object on stdout; exit status 0 says that the load ran, not that all answers were right:
 * `wrong` counts answers with another status, length or Cache-Status (RFC 9211) than expected, `failed` connections
 * that broke, and `fault` shows the first of either.  Only Content-Length frames content here, which is what every
 * answer that is measured has.  Times are nanoseconds of CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS_MAX = 100, HEAD_MAX = 16384, OUT_MAX = 4096, SCRAP = 1 << 20 };
enum { AGAIN = -1, BROKEN = -2 };
enum step { JOINING, ASKING_FOR_TUNNEL, SHAKING_HANDS, IDLE, WAITING_FOR_HEAD, TAKING_CONTENT };

struct connection {
    int fd;
    SSL *tls;      /* NULL outside TLS. */
    bool secured;  /* The handshake is done: reads and writes go through `tls`. */
    enum step step;
    bool owed;     /* `out` has a request that no byte of an answer came for. */
    bool hot;      /* That request was for one of the hot objects. */
    bool last;     /* The connection ends with this answer. */
    uint64_t asked_ns, answered, left;
    size_t out_length, out_sent, in_length;
    char out[OUT_MAX], in[HEAD_MAX];
};

struct answer {
    int status;
    int64_t length;  /* -1: none given. */
    bool hit, forwarded, close;
};

static const char USAGE[] =
    "usage: load -p PORT -a HOST:PORT -u PATH [options]\n"
    "  -p PORT   the proxy's port on 127.0.0.1       -a HOST:PORT  the origin's authority\n"
    "  -u PATH   may have one %llu, the number of the request, or its rank with -z\n"
    "  -s N      the first number                    -z N:K   ranks of a Zipf distribution over N objects\n"
    "  -U PATH   for the ranks beyond K, which are expected to miss\n"
    "  -c N      connections                         -n N     requests, 0 for no limit\n"
    "  -d S      seconds                             -w S     seconds before that which are not counted\n"
    "  -r N      requests a second; latency counts from when each was due\n"
    "  -t FILE   inside CONNECT and TLS; FILE has the CA to trust\n"
    "  -f        a new connection for every request  -x       do not decrypt content, but for the first of\n"
    "            it: the records are counted, which are a little more, until the connection ends; without -H\n"
    "  -S N      expected status                     -L N     expected content length, -1 for any\n"
    "  -e WORD   expected of Cache-Status: hit, miss or any\n"
    "  -H FIELD  one more field line\n";

/* What was asked for. */
static int port, connections = 1, expected_status = 200;
static int64_t expected_length = -1;
static uint64_t limit, number = 1, zipf_objects, zipf_hot;
static double load_s = 1, warm_up_s, rate;
static bool fresh, sink;
static const char *authority, *path, *cold_path, *ca_file, *expected = "any", *field = "";
static char host[256];

/* What happened; `total` counts the answers of the warm-up, too. */
static uint64_t total, asked, requests, bytes, wrong, failed, opened, hits;
static char fault[512];
enum { SUB_BITS = 6, BUCKETS = (64 - SUB_BITS) << SUB_BITS };
static uint64_t histogram[BUCKETS], latency_max;

static int poller;
static SSL_CTX *context;
static struct connection **idle;
static int idle_count;
static double *zipf_sums;
static uint64_t random_state = 0x9E3779B97F4A7C15u;
static char scrap[SCRAP];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "not understood");
    exit(2);
}

static void note(uint64_t *counter, const char *what, const char *detail, size_t length) {
    if (!fault[0]) snprintf(fault, sizeof fault, "%s: %.*s", what, (int)(length < 400 ? length : 400), detail);
    ++*counter;
}

/* Buckets are 1/64 of a power of two wide, so a quantile is right within 1.6 %. */
static void count_latency(uint64_t ns) {
    int shift = ns >> SUB_BITS ? 63 - __builtin_clzll(ns) - SUB_BITS : -1;
    size_t bucket = shift < 0 ? ns : ((size_t)(shift + 1) << SUB_BITS) + ((ns >> shift) & ((1u << SUB_BITS) - 1));
    histogram[bucket]++;
    if (ns > latency_max) latency_max = ns;
}

static double quantile_us(double share) {
    uint64_t wanted = (uint64_t)ceil(share * (double)requests), seen = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram[bucket];
        if (!seen || seen < wanted) continue;
        size_t group = bucket >> SUB_BITS, sub = bucket & ((1u << SUB_BITS) - 1);
        return (group ? ldexp((double)((1u << SUB_BITS) + sub) + 0.5, (int)group - 1) : (double)sub) / 1000;
    }
    return 0;
}

static double random_unit(void) {
    random_state ^= random_state >> 12, random_state ^= random_state << 25, random_state ^= random_state >> 27;
    return (double)((random_state * 0x2545F4914F6CDD1Du) >> 11) * 0x1p-53;
}

/* Zipf's law: the object of rank i is asked for in proportion to 1/i. */
static void prepare_zipf(void) {
    if (!(zipf_sums = malloc(zipf_objects * sizeof *zipf_sums))) die("malloc");
    double sum = 0;
    for (uint64_t i = 0; i < zipf_objects; i++) zipf_sums[i] = sum += 1.0 / (double)(i + 1);
}

static uint64_t zipf_rank(void) {
    double wanted = random_unit() * zipf_sums[zipf_objects - 1];
    uint64_t low = 0, high = zipf_objects - 1;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (zipf_sums[middle] <= wanted) low = middle + 1; else high = middle;
    }
    return low + 1;
}

/* Bytes read, 0 at the end, AGAIN or BROKEN. */
static ssize_t take(struct connection *c, char *into, size_t room, int flags) {
    if (c->secured && !(sink && c->step == TAKING_CONTENT)) {
        ERR_clear_error();
        int got = SSL_read(c->tls, into, room > INT32_MAX ? INT32_MAX : (int)room);
        if (got > 0) return got;
        int why = SSL_get_error(c->tls, got);
        if (why == SSL_ERROR_ZERO_RETURN) return 0;
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? AGAIN : BROKEN;
    }
    ssize_t got = recv(c->fd, into, room, flags);
    return got >= 0 ? got : errno == EAGAIN ? AGAIN : BROKEN;
}

static ssize_t give(struct connection *c, const char *from, size_t length) {
    if (c->secured) {
        ERR_clear_error();
        int put = SSL_write(c->tls, from, (int)length);
        if (put > 0) return put;
        int why = SSL_get_error(c->tls, put);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? AGAIN : BROKEN;
    }
    ssize_t put = send(c->fd, from, length, MSG_NOSIGNAL);
    return put >= 0 ? put : errno == EAGAIN ? AGAIN : BROKEN;
}

static void leave(struct connection *c) {
    if (c->tls) {
        if (c->secured) SSL_shutdown(c->tls);
        ERR_clear_error();
        SSL_free(c->tls);
    }
    if (c->fd >= 0) close(c->fd);
    c->tls = NULL, c->fd = -1, c->secured = false;
}

static void join(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    leave(c);
    if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
    /* Edge-triggered, for both directions at once: it never has to be changed. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
    c->step = JOINING, c->answered = 0, c->in_length = 0, c->out_sent = 0;
    opened++;
}

static void lose(struct connection *c, const char *why) {
    /* A kept connection may be closed between two requests (RFC 9112 §9.3.1); the request is sent again elsewhere. */
    if (!(c->step == WAITING_FOR_HEAD && c->answered && !c->in_length)) {
        note(&failed, why, c->in, c->in_length);
        if (c->owed) c->owed = false, asked--;
    }
    if (failed + wrong < FAULTS_MAX) join(c); else leave(c);
}

static void draw_request(struct connection *c) {
    char target[1024];
    uint64_t drawn = zipf_objects ? zipf_rank() : number++;
    c->hot = !zipf_objects || drawn <= zipf_hot;
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(target, sizeof target, c->hot ? path : cold_path, (unsigned long long)drawn);
    int length = snprintf(c->out, OUT_MAX, "GET %s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: */*\r\n%s%s\r\n",
                          ca_file ? "" : "http://", ca_file ? "" : authority, target, authority, field,
                          sink ? "Connection: close\r\n" : *field ? "\r\n" : "");
    if (length >= OUT_MAX) die("a request that is too long");
    c->out_length = (size_t)length, c->owed = true, asked++;
}

static void send_out(struct connection *c) {
    while (c->out_sent < c->out_length) {
        ssize_t put = give(c, c->out + c->out_sent, c->out_length - c->out_sent);
        if (put == AGAIN) return;
        if (put < 0) { lose(c, "not sent"); return; }
        c->out_sent += (size_t)put;
    }
}

static void ask(struct connection *c, uint64_t at_ns) {
    if (!c->owed) {
        draw_request(c);
        c->asked_ns = at_ns;
    }
    c->step = WAITING_FOR_HEAD, c->out_sent = 0, c->in_length = 0;
    send_out(c);
}

/* Whether the line has this field name, in lower case with the colon; the value then. */
static const char *value_of(const char *line, const char *name, size_t length) {
    if (strncasecmp(line, name, length)) return NULL;
    for (line += length; *line == ' ' || *line == '\t';) line++;
    return line;
}

static bool parse(char *head, struct answer *made) {
    *made = (struct answer){.length = -1};
    if (strncmp(head, "HTTP/1.", 7) || head[8] != ' ') return false;
    made->status = atoi(head + 9), made->close = head[7] == '0';
    for (char *line = head; (line = strchr(line, '\n')) && line[1] != '\r';) {
        const char *value;
        line++;
        if ((value = value_of(line, "content-length:", 15))) made->length = strtoll(value, NULL, 10);
        else if ((value = value_of(line, "connection:", 11))) made->close |= !strncasecmp(value, "close", 5);
        else if ((value = value_of(line, "x-cache:", 8))) {  /* Older than RFC 9211: HIT or MISS first. */
            made->hit |= !strncmp(value, "HIT", 3), made->forwarded |= !strncmp(value, "MISS", 4);
        } else if ((value = value_of(line, "cache-status:", 13))) {
            for (; *value != '\r' && *value != '\n'; value++) {
                if (*value != ';') continue;
                const char *word = value + 1 + strspn(value + 1, " ");
                made->hit |= !strncmp(word, "hit", 3), made->forwarded |= !strncmp(word, "fwd=", 4);
            }
        }
    }
    if (made->status == 304) made->length = 0;
    return made->status >= 200 && made->length >= 0;
}

static bool as_expected(const struct connection *c, const struct answer *got) {
    if (got->status != expected_status) return false;
    if (expected_length >= 0 && got->length != expected_length) return false;
    if (!strcmp(expected, "any")) return true;
    bool hit = c->hot && strcmp(expected, "miss");
    return hit ? got->hit && !got->forwarded : got->forwarded && !got->hit;
}

static void complete(struct connection *c) {
    uint64_t at_ns = now_ns();
    count_latency(at_ns - c->asked_ns);
    requests++, total++, c->answered++;
    c->owed = false, c->step = IDLE, c->in_length = 0;
    if (limit && asked >= limit) leave(c);
    else if (c->last) join(c);
    else if (rate > 0) idle[idle_count++] = c;
    else ask(c, at_ns);
}

static void take_content(struct connection *c) {
    while (c->left || sink) {
        ssize_t got = take(c, scrap, c->left < SCRAP && !sink ? c->left : SCRAP, MSG_TRUNC);
        if (got == AGAIN) return;
        if (sink && !got && !c->left) break;
        if (got <= 0) { lose(c, "ended in the content"); return; }
        uint64_t content = (uint64_t)got < c->left ? (uint64_t)got : c->left;
        c->left -= content, bytes += content;
    }
    complete(c);
}

static void take_head(struct connection *c) {
    for (;;) {
        ssize_t got = take(c, c->in + c->in_length, HEAD_MAX - 1 - c->in_length, 0);
        if (got == AGAIN) return;
        if (got <= 0) { lose(c, "ended before the answer"); return; }
        c->in_length += (size_t)got, c->in[c->in_length] = 0;
        char *end = strstr(c->in, "\r\n\r\n");
        if (!end && c->in_length < HEAD_MAX - 1) continue;
        struct answer answer;
        if (!end || !parse(c->in, &answer)) { lose(c, "an answer without length"); return; }
        uint64_t already = c->in_length - (size_t)(end + 4 - c->in), length = (uint64_t)answer.length;
        if (already > length) { lose(c, "more than the answer"); return; }
        if (!as_expected(c, &answer)) note(&wrong, "another answer than expected", c->in, (size_t)(end - c->in));
        hits += answer.hit, bytes += already;
        c->step = TAKING_CONTENT, c->left = length - already;
        c->last = fresh || answer.close || sink;
        take_content(c);
        return;
    }
}

static void shake_hands(struct connection *c) {
    ERR_clear_error();
    int done = SSL_connect(c->tls);
    if (done == 1) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);  /* One certificate that was trusted will do. */
        c->secured = true, c->step = IDLE;
        idle[idle_count++] = c;
        return;
    }
    int why = SSL_get_error(c->tls, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(c->in, HEAD_MAX, "%s", reason ? reason : "the connection ended");
    c->in_length = strlen(c->in);
    lose(c, "no TLS");
}

static void take_tunnel(struct connection *c) {
    ssize_t got = take(c, c->in + c->in_length, HEAD_MAX - 1 - c->in_length, 0);
    if (got == AGAIN) return;
    if (got <= 0) { lose(c, "no answer to CONNECT"); return; }
    c->in_length += (size_t)got, c->in[c->in_length] = 0;
    if (!strstr(c->in, "\r\n\r\n")) return;
    if (strncmp(c->in, "HTTP/1.1 200", 12) && strncmp(c->in, "HTTP/1.0 200", 12)) { lose(c, "no tunnel"); return; }
    if (!(c->tls = SSL_new(context)) || !SSL_set_fd(c->tls, c->fd)) die("SSL_new");
    SSL_set_tlsext_host_name(c->tls, host);
    SSL_set1_host(c->tls, host);
    c->step = SHAKING_HANDS, c->in_length = 0;
    shake_hands(c);
}

static void arrive(struct connection *c, uint32_t events) {
    int error = 0;
    socklen_t size = sizeof error;
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) { lose(c, strerror(error)); return; }
    if (!ca_file) {
        c->step = IDLE;
        idle[idle_count++] = c;
        return;
    }
    char request[600];
    int length = snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority);
    c->step = ASKING_FOR_TUNNEL;
    if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) lose(c, "CONNECT not sent");
}

static void advance(struct connection *c, uint32_t events) {
    switch (c->step) {
    case JOINING: arrive(c, events); break;
    case ASKING_FOR_TUNNEL: take_tunnel(c); break;
    case SHAKING_HANDS: shake_hands(c); break;
    case IDLE:  /* Only with a rate: closed while it waited, or the tickets of a session. */
        if (take(c, scrap, SCRAP, MSG_PEEK) == AGAIN) break;
        for (int i = 0; i < idle_count; i++) if (idle[i] == c) idle[i] = idle[--idle_count];
        join(c);
        break;
    case WAITING_FOR_HEAD:
        if (c->out_sent < c->out_length) send_out(c);
        if (c->step == WAITING_FOR_HEAD) take_head(c);
        break;
    case TAKING_CONTENT: take_content(c); break;
    }
}

static void prepare_tls(void) {
    if (!(context = SSL_CTX_new(TLS_client_method()))) die("SSL_CTX_new");
    if (!SSL_CTX_load_verify_locations(context, ca_file, NULL)) die(ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  /* Every handshake is a whole one. */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x08http/1.1", 9);
    SSL_CTX_set_read_ahead(context, !sink);
}

static double cpu_s(void) {
    struct rusage spent;
    getrusage(RUSAGE_SELF, &spent);
    return (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) + (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6;
}

static void tell(double seconds, double spent_s) {
    printf("{\"requests\": %llu, \"total\": %llu, \"s\": %.6f, \"bytes\": %llu, \"hits\": %llu, \"wrong\": %llu, "
           "\"failed\": %llu, \"opened\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"cpu_s\": %.3f, \"fault\": \"",
           (unsigned long long)requests, (unsigned long long)total, seconds, (unsigned long long)bytes,
           (unsigned long long)hits, (unsigned long long)wrong, (unsigned long long)failed, (unsigned long long)opened,
           quantile_us(0.50), quantile_us(0.99), (double)latency_max / 1000, spent_s);
    for (const char *each = fault; *each; each++) {
        if (*each == '"' || *each == '\\') printf("\\%c", *each);
        else if ((unsigned char)*each < ' ' || (unsigned char)*each > '~') printf("\\u%04x", (unsigned char)*each);
        else putchar(*each);
    }
    puts("\"}");
}

static void understand(int count, char **words) {
    unsigned long long objects, hot;
    for (int option; (option = getopt(count, words, "p:a:u:U:s:z:c:n:d:w:r:t:S:L:e:H:fx")) != -1;) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'a': authority = optarg; break;
        case 'u': path = optarg; break;
        case 'U': cold_path = optarg; break;
        case 's': number = strtoull(optarg, NULL, 10); break;
        case 'z':
            if (sscanf(optarg, "%llu:%llu", &objects, &hot) != 2 || !objects) die("-z");
            zipf_objects = objects, zipf_hot = hot;
            break;
        case 'c': connections = atoi(optarg); break;
        case 'n': limit = strtoull(optarg, NULL, 10); break;
        case 'd': load_s = atof(optarg); break;
        case 'w': warm_up_s = atof(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 't': ca_file = optarg; break;
        case 'S': expected_status = atoi(optarg); break;
        case 'L': expected_length = atoll(optarg); break;
        case 'e': expected = optarg; break;
        case 'H': field = optarg; break;
        case 'f': fresh = true; break;
        case 'x': sink = true; break;
        default: fputs(USAGE, stderr); exit(2);
        }
    }
    if (!port || !authority || !path || connections < 1 || (zipf_objects && !cold_path)) { fputs(USAGE, stderr); exit(2); }
    snprintf(host, sizeof host, "%.*s", (int)strcspn(authority, ":"), authority);
}

int main(int count, char **words) {
    understand(count, words);
    if (zipf_objects) prepare_zipf();
    if (ca_file) prepare_tls();
    struct connection *all = calloc((size_t)connections, sizeof *all);
    idle = calloc((size_t)connections, sizeof(struct connection *));
    if (!all || !idle || (poller = epoll_create1(EPOLL_CLOEXEC)) < 0) die("no memory or no epoll");
    for (int i = 0; i < connections; i++) all[i].fd = -1, join(&all[i]);
    uint64_t started_ns = now_ns(), due_ns = started_ns, counted_ns = started_ns + (uint64_t)(warm_up_s * 1e9);
    uint64_t end_ns = counted_ns + (uint64_t)(load_s * 1e9), interval_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    double spent_s = cpu_s();
    bool counting = warm_up_s <= 0;
    uint64_t at_ns;
    while ((at_ns = now_ns()) < end_ns && failed + wrong < FAULTS_MAX && !(limit && total >= limit)) {
        if (!counting && at_ns >= counted_ns) {
            counting = true, started_ns = at_ns, spent_s = cpu_s();
            requests = bytes = hits = latency_max = 0;
            memset(histogram, 0, sizeof histogram);
        }
        while (idle_count && due_ns <= at_ns) {
            struct connection *c = idle[--idle_count];
            if (limit && asked >= limit && !c->owed) { leave(c); continue; }
            ask(c, interval_ns ? due_ns : at_ns);
            due_ns += interval_ns;
        }
        uint64_t until_ns = idle_count && due_ns < end_ns ? due_ns : end_ns;
        uint64_t wait_ns = until_ns > at_ns ? until_ns - at_ns : 0;
        struct timespec wait = {(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
        struct epoll_event events[64];
        int ready = epoll_pwait2(poller, events, 64, &wait, NULL);
        for (int i = 0; i < ready; i++) advance(events[i].data.ptr, events[i].events);
    }
    double seconds = (double)(now_ns() - started_ns) / 1e9;
    spent_s = cpu_s() - spent_s;
    for (int i = 0; i < connections; i++) leave(&all[i]);
    tell(seconds, spent_s);
    return 0;
}
