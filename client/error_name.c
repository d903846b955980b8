// SPDX-License-Identifier: Apache-2.0
#include "client/grid.h"
#include "cluster/base/error.h"
#include "cluster/model/effect.h"

#include <assert.h>

static_assert((int)GRID_INVALID_ARGUMENT == (int)ERROR_INVALID_ARGUMENT &&
                  (int)GRID_NOT_FOUND == (int)ERROR_NOT_FOUND &&
                  (int)GRID_NOT_OWNER == (int)ERROR_NOT_OWNER &&
                  (int)GRID_QUERY == (int)ERROR_QUERY &&
                  (int)GRID_INDETERMINATE == (int)ERROR_INDETERMINATE &&
                  (int)GRID_MOVED == (int)ERROR_MOVED && (int)GRID_MOVED + 1 == (int)ERROR_COUNT,
              "the public errors are those of the protocol");
static_assert((int)GRID_CAUSE_PUT == (int)CAUSE_PUT && (int)GRID_CAUSE_TOUCH == (int)CAUSE_TOUCH,
              "the public causes are those of the protocol");

const char *grid_error_name(enum grid_error error)
{
    return error == GRID_OK ? "OK" : error_name((enum error)error);
}

const char *grid_version(void)
{
    return GRID_VERSION;
}
