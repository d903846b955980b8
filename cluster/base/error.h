// SPDX-License-Identifier: Apache-2.0
// The one list of errors. The numbers travel on the wire: never renumber, only append.
#pragma once

#include "cluster/base/check.h"

#include <stdint.h>

enum error {
    ERROR_NONE = 0,
    ERROR_INVALID_ARGUMENT = 1,      // a field of the request is outside its range
    ERROR_MALFORMED_FRAME = 2,       // the header or the body does not follow the protocol
    ERROR_UNSUPPORTED_VERSION = 3,   // HELLO found no common protocol version
    ERROR_UNKNOWN_OPERATION = 4,     // the frame's kind is not one we know
    ERROR_TOO_LARGE = 5,             // key, value, frame or batch over its limit
    ERROR_MALFORMED_VALUE = 6,       // not well-formed MessagePack, or nested too deep
    ERROR_MALFORMED_KEY = 7,         // not an int, str or bin in its shortest encoding
    ERROR_NOT_FOUND = 8,             // replace, increment ... of an entry that is not there
    ERROR_EXISTS = 9,                // put if-absent of an entry that is there
    ERROR_VERSION_MISMATCH = 10,     // put or remove if-version of another version
    ERROR_WRONG_TYPE = 11,           // increment of a non-number, merge into a non-map
    ERROR_OUT_OF_MEMORY = 12,        // max-memory-bytes reached: the write was refused
    ERROR_NOT_OWNER = 13,            // this node does not hold the partition's primary
    ERROR_BACKUP_UNAVAILABLE = 14,   // a write cannot be made safe: a backup does not answer
    ERROR_PARTITION_LOST = 15,       // the primary restarted empty, its backup holds the data
    ERROR_QUERY = 16,                // the query does not compile; the text points at the place
    ERROR_TIMEOUT = 17,              // no answer within the deadline, and nothing was changed
    ERROR_INDETERMINATE = 18,        // a write whose fate is unknown: it may have been applied
    ERROR_DISCONNECTED = 19,         // the connection closed before the request was sent
    ERROR_OVERLOADED = 20,           // a queue or a table of the node is full: try later
    ERROR_SLOW_CONSUMER = 21,        // the subscriber read too slowly; its subscription ended
    ERROR_UNKNOWN_SUBSCRIPTION = 22, // unsubscribe of an id that this connection does not have
    ERROR_WRONG_GRID = 23,           // HELLO names another grid
    ERROR_OVERFLOW = 24,             // increment beyond the range of a 64-bit integer
    ERROR_CANCELLED = 25,            // the client was freed while the request was under way
    ERROR_NO_QUORUM = 26, // this node has no contact to a majority: it neither reads nor writes
    ERROR_TOO_FEW_COPIES = 27, // fewer replicas in sync than min-in-sync: the write was refused
    ERROR_WRONG_SECRET = 28,   // HELLO of a peer whose secret is not the grid's
    ERROR_WRONG_SETTINGS =
        29,           // a joining node has other settings than the grid; the text names them
    ERROR_MOVED = 30, // a subscription ended because a partition has another primary now
    ERROR_COUNT
};

// "NOT_FOUND" and so on; "UNKNOWN" for a number that is not in the list. Static storage.
const char *error_name(enum error error);

// The error with this number, or ERROR_MALFORMED_FRAME for a number that is not in the list.
enum error error_from_number(uint64_t number);
