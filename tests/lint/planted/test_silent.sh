#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Succeeds without having tested anything.
exit 0
