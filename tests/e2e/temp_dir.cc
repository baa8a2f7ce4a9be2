#include "e2e/temp_dir.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/check.h"

namespace flashdb::e2e {

TempDir::TempDir() {
  const char* base = getenv("FLASHDB_TEST_DIR");
  path_ = std::filesystem::path(base != nullptr ? base : ::testing::TempDir()) / "flashdb-XXXXXX";
  FLASHDB_CHECK(mkdtemp(path_.data()) != nullptr, "mkdtemp {}: errno {}", path_, errno);
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) ADD_FAILURE() << "cannot remove " << path_ << ": " << error.message();
}

}  // namespace flashdb::e2e
