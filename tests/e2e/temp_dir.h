// A directory that lives as long as the object.
#pragma once

#include <string>

namespace flashdb::e2e {

/// Creates a directory of its own below $FLASHDB_TEST_DIR (e.g. a real disk) or gtest's TempDir();
/// the destructor removes it with all in it. Not copyable.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace flashdb::e2e
