// Where tests make a disk fail.
#pragma once

namespace corestore::storage {

/// Asked before each step; a result other than 0 is taken for what LMDB returned (an errno or an MDB_ code) and the
/// step is not made. Called from the thread of the writer.
class fault_hook {
public:
  virtual ~fault_hook() = default;

  virtual int before_put() {
    return 0;
  }
  virtual int before_commit() {
    return 0;
  }
  virtual int before_sync() {
    return 0;
  }
};

} // namespace corestore::storage
