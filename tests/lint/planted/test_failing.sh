#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo 'ok - one case'
echo 'not ok - another'
exit 1
