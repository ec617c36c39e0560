/*
 * The life of one record: two instances, the gateway, the network, time and a person. Each `atomic` is one step that is
 * durable or seen by others; a process can die between any two. A run has at most FAULTS faults: a death, a lost or late
 * request, a lost answer, an instance slower than its lease, an odd session, a request turned away, lost webhooks, a pause.
 * Assumed: a request arrives within its timeout or never; the gateway remembers a key for its lifetime and one timeout more;
 * a session that failed or was cancelled stays so; a person who ends a record looks at the gateway first.
 */
#ifndef FAULTS
#define FAULTS 3
#endif
#define SENDS 3
#define ATTEMPTS 2

mtype = { queued, submitting, in_progress, unknown, succeeded, failed, cancelled, rejected };
mtype = { none, open, odd };                                         /* of a session, beside how it ended */
mtype = { shown, already_received, refused, not_sent, no_answer };   /* what a send meets */

/* The ledger. `owner` has the lease; `newest` wrote the intent that is the last change, 0 when it is another change. */
mtype status = queued;
byte attempt = 1, sends, owner, newest;
bool received, hasSession, byPerson, paused;

/* The gateway, by attempt and by key; requests on their way, and those of them that nobody waits for. */
mtype session[3] = none;
byte keyOf[3], flying[3], late[3];
bool remembers[5], areWebhooksLost;

/* Time: the lease of each instance runs, the key of each attempt is within its lifetime. */
bool isLive[4], isYoung[3];
byte faults = FAULTS;

#define isFinal (status == succeeded || status == failed || status == cancelled || status == rejected)
#define isLeased (owner != 0 && isLive[owner])
#define isOnlySend (sends == 1 && !received && !hasSession)
#define mayResend (status == unknown && !received && !hasSession && sends < SENDS && !isLeased && isYoung[attempt])

/* What must hold in every state, beside the asserts. */
#define mayPay(a) (session[a] == open || session[a] == succeeded || (flying[a] > 0 && !remembers[a]))
#define saysNothingPaid (status == queued || status == failed || status == cancelled || status == rejected)
#define holds ((!saysNothingPaid || (!mayPay(1) && !mayPay(2))) && (attempt == 1 || !mayPay(1)) && \
  (status != succeeded || session[attempt] == succeeded) && !(session[1] == succeeded && session[2] == succeeded))

c_decl { static char isSeen[32][32]; }
hidden mtype from, to;
inline move(next) {
  assert(!isFinal);
  from = status; to = next;
  c_code { if (!isSeen[from][to]) { isSeen[from][to] = 1;
    printf("move "); printm(from, "_unnamed_"); printf(" "); printm(to, "_unnamed_"); printf("\n"); } }
  status = next; owner = 0; newest = 0
}

inline learn(seen) {                                                 /* what a session shows */
  hasSession = true; received = true;
  if
  :: seen == open && status != in_progress -> move(in_progress)
  :: seen == odd && status != unknown -> move(unknown)
  :: seen != open && seen != odd -> move(seen)
  :: else -> newest = 0
  fi
}

inline arrive(which, key) {
  flying[which]--; assert(keyOf[which] == 0 || keyOf[which] == key); keyOf[which] = key;
  if
  :: remembers[key] -> if :: reply = already_received :: reply = shown fi
  :: else ->
     if
     :: assert(session[which] == none); session[which] = open; remembers[key] = true; reply = shown
     :: reply = refused
     :: faults > 0 -> faults--; reply = not_sent
     fi
  fi
}

inline conclude() {
  if
  :: isFinal || mine != attempt || sends == 0 -> skip                /* after the end, or of an earlier attempt */
  :: else ->
     if
     :: reply == shown && hasSession && status == unknown && session[mine] == open -> skip
     :: reply == shown && !(hasSession && status == unknown && session[mine] == open) -> learn(session[mine])
     :: reply == already_received && (hasSession || status == unknown) -> received = true; owner = 0; newest = 0
     :: reply == already_received && !hasSession && status != unknown -> received = true; move(unknown)
     :: reply == not_sent && isFirst && newest == _pid && status == submitting && isOnlySend -> move(queued); sends = 0
     :: reply == not_sent && !isFirst && newest == _pid -> sends--; owner = 0; newest = 0
     :: reply == refused && isFirst && isOnlySend -> move(failed)
     :: reply == no_answer && isFirst && newest == _pid -> move(unknown)
     :: reply != not_sent && !isFirst && newest == _pid -> owner = 0; newest = 0
     :: else -> skip
     fi
  fi
}

active [2] proctype Gateway() {                                      /* one for each attempt */
  byte a = _pid + 1; mtype reply = none;
  do
  :: atomic { session[a] == open -> if :: session[a] = succeeded :: session[a] = failed :: session[a] = cancelled fi }
  :: atomic { late[a] > 0 -> late[a]--; arrive(a, a); reply = none }
  :: isYoung[a] -> isYoung[a] = false
  :: atomic { remembers[a] && !isYoung[a] && flying[a] == 0 -> remembers[a] = false }
  :: atomic { a == attempt && session[a] != none && !isFinal && !areWebhooksLost && !hasSession -> learn(open) }
  :: atomic { a == attempt && session[a] != none && !isFinal && !areWebhooksLost && session[a] != open -> learn(session[a]) }
  :: atomic { a == attempt && session[a] != none && !isFinal && faults > 0 -> faults--; learn(odd) }
  :: atomic { a == 1 && !areWebhooksLost && faults > 0 -> faults--; areWebhooksLost = true }
  od
}

active [2] proctype Instance() {                                     /* _pid is 2 and 3 */
  byte mine; bool isFirst, isSent; mtype reply = none;
  do
  :: atomic { mine == 0 && !paused && (status == queued || mayResend) -> mine = attempt; isFirst = (status == queued);
       if :: isFirst -> move(submitting); isYoung[mine] = true :: else fi;
       sends++; owner = _pid; newest = _pid; isLive[_pid] = true }   /* the intent */
  :: atomic { mine != 0 && !isSent && reply == none ->               /* its first byte, or none */
       if
       :: isLive[_pid] && (isFirst || isYoung[mine]) -> flying[mine]++; isSent = true
       :: else -> reply = not_sent
       fi }
  :: atomic { isSent && reply == none -> arrive(mine, mine) }
  :: atomic { isSent && reply == none && faults > 0 -> faults--; reply = no_answer; if :: flying[mine]-- :: late[mine]++ fi }
  :: atomic { isSent && reply != none && reply != no_answer && faults > 0 -> faults--; reply = no_answer }
  :: atomic { reply != none -> conclude(); mine = 0; isSent = false; reply = none; isLive[_pid] = false }
  :: atomic { mine != 0 && faults > 0 -> faults--;                   /* it dies; its lease outlives it */
       if :: isSent && reply == none -> late[mine]++ :: else fi;
       mine = 0; isSent = false; reply = none }
  :: atomic { isLive[_pid] && mine == 0 -> isLive[_pid] = false }
  :: atomic { isLive[_pid] && mine != 0 && faults > 0 -> faults--; isLive[_pid] = false }
  :: atomic { status == submitting && !isLeased -> move(unknown) }   /* taken over */
  :: atomic { hasSession && !isFinal && (session[attempt] != open || status == unknown) -> learn(session[attempt]) }
  od
}

active proctype Person() {
  do
  :: atomic { status == queued -> byPerson = true; if :: move(cancelled) :: move(rejected) fi }
  :: atomic { !isFinal && status != queued && !isLeased && session[attempt] != open && (session[attempt] != none || flying[attempt] == 0) ->
       byPerson = true; if :: session[attempt] == none -> move(failed) :: else -> move(session[attempt]) fi }   /* resolve */
  :: atomic { (status == failed || status == cancelled) && !byPerson && attempt < ATTEMPTS ->                  /* retry */
       status = queued; attempt++; sends = 0; received = false; hasSession = false; owner = 0; newest = 0 }
  :: atomic { !paused && faults > 0 -> faults--; paused = true }
  :: paused -> paused = false
  od
}

active proctype Monitor() {
  do
  :: atomic { !holds -> assert(holds) }
  :: timeout -> assert(isFinal); break                               /* no step is possible any more */
  od
}
