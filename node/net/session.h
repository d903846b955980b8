// SPDX-License-Identifier: Apache-2.0
// Inside node/net: an accepted connection, and what its frames say beside operations (session.c).
// Sockets, batches and back-pressure are connection.c's.
#pragma once

#include "cluster/wire/frame.h"
#include "node/net/connection.h"

struct event;

enum { CONNECTION_READ_BYTES = 64 * 1024 };

enum connection_state {
    CONNECTION_NEW = 0, // no HELLO yet
    CONNECTION_CLIENT,
    CONNECTION_PEER,   // a primary sends to backups here
    CONNECTION_ENDING, // writes what it has and what is under way, then closes; reads nothing more
    CONNECTION_CLOSED, // only answers under way keep it in memory
};

struct connection {
    struct outlet outlet;
    struct connections *connections;
    enum connection_state state;
    int descriptor;
    bool is_paused; // not read from
    struct event *readable;
    struct event *writable;
    struct buffer in;        // the start of a frame whose rest has not come
    struct list all_link;    // in connections->all
    struct list dirty_link;  // in connections->dirty
    struct list paused_link; // in connections->paused
    struct reader *reader;   // owned; its subscriptions; NULL: it never had one
    char *client_name;       // owned; as its HELLO said; NULL: none yet
    uint64_t client_id;      // CONNECTION_CLIENT: for operations that are applied at most once
};

struct connections {
    struct worker *worker;
    struct connections_options options;
    struct list all;
    struct list dirty;
    struct list paused;
    uint32_t count;
    uint8_t read_buffer[CONNECTION_READ_BYTES];
};

// What became of a frame, or of the connection over it.
enum verdict {
    VERDICT_NEXT = 0, // handled
    VERDICT_ENDING,   // refused: nothing more is read
    VERDICT_GONE,     // the connection is not ours any more
};

// A frame that is no operation of a client. `rest`: the frame and all that follows it.
enum verdict session_frame(struct connection *connection, const struct frame *frame,
                           struct bytes rest);

// ---- What session.c needs of connection.c ----

// Says why, then closes once that is written.
void connection_refuse(struct connection *connection, uint32_t request_id, enum error error,
                       const char *text);

// Gives the socket up, and everything from the HELLO on, to the control thread.
void connection_hand_to_control(struct connection *connection, struct bytes rest);

// Sends the socket and everything from the HELLO on to the worker that the HELLO asks for.
void connection_hand_over(struct connection *connection, uint16_t worker_number, struct bytes rest);
