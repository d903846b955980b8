// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/account.h"

int64_t account_write(struct account *account, uint64_t now_us)
{
    account->is_writing = true;
    account->write_us = now_us;
    return ++account->submitted;
}

void account_written(struct account *account)
{
    account->is_writing = false;
    account->acknowledged = account->submitted;
}

void account_doubt(struct account *account)
{
    account->is_writing = false;
    account->unknown++;
}

void account_refuse(struct account *account)
{
    account->is_writing = false;
    account->submitted -= account->is_counter;
}

bool account_counts(struct account *account, int64_t number)
{
    bool is_right = number <= account->submitted &&
                    number >= account->submitted - account->unknown &&
                    number > account->acknowledged;
    account->is_writing = false;
    account->acknowledged = number;
    return is_right;
}

void account_read(struct account *account, uint64_t now_us)
{
    account->is_reading = true;
    account->read_us = now_us;
    if (account->read_floor < account->acknowledged)
        account->read_floor = account->acknowledged;
}

bool account_allows(struct account *account, int64_t number)
{
    bool is_right = number >= account->read_floor && number <= account->submitted;
    account->is_reading = false;
    if (number > account->read_floor)
        account->read_floor = number;
    return is_right;
}

bool account_ends_with(const struct account *account, int64_t number)
{
    return number >= account->acknowledged && number <= account->submitted &&
           (account->unknown > 0 || number == account->acknowledged);
}
