// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/frame.h"
