// SPDX-License-Identifier: Apache-2.0
int planted_sum( int a,int b );
