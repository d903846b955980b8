// SPDX-License-Identifier: Apache-2.0
#include "node/net/connection.h"
