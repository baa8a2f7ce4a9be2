// Precompiled for the test programs of several files.
#ifndef FLASHDB_TESTS_PCH_GTEST_H_
#define FLASHDB_TESTS_PCH_GTEST_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/pch/common.h"

#endif  // FLASHDB_TESTS_PCH_GTEST_H_
