// Values that most cores never have: a pointer until they are needed.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace corestore::actors {

/// An optional value on the heap; as std::optional where it is used, but it is not copied.
template <class Value>
class boxed {
public:
  boxed() = default;

  boxed& operator=(Value value) {
    value_ = std::make_unique<Value>(std::move(value));
    return *this;
  }
  boxed& operator=(std::optional<Value> value) {
    value_ = value ? std::make_unique<Value>(std::move(*value)) : nullptr;
    return *this;
  }

  [[nodiscard]] explicit operator bool() const {
    return value_ != nullptr;
  }
  [[nodiscard]] bool has_value() const {
    return value_ != nullptr;
  }
  Value& operator*() const {
    return *value_;
  }
  Value* operator->() const {
    return value_.get();
  }

  Value& emplace() {
    value_ = std::make_unique<Value>();
    return *value_;
  }
  void reset() {
    value_.reset();
  }

  /// The value, which is gone from here.
  std::optional<Value> take() {
    auto taken = std::move(value_);
    return taken ? std::optional<Value>{std::move(*taken)} : std::nullopt;
  }

private:
  std::unique_ptr<Value> value_;
};

/// A value that is empty until somebody uses it.
template <class Value>
class on_demand {
public:
  [[nodiscard]] const Value& look() const {
    static const Value nothing;
    return value_ ? *value_ : nothing;
  }
  Value& use() {
    if (!value_)
      value_ = std::make_unique<Value>();
    return *value_;
  }
  /// What is there to be changed; null when nothing is.
  Value* find() {
    return value_.get();
  }
  void drop() {
    value_.reset();
  }

private:
  std::unique_ptr<Value> value_;
};

} // namespace corestore::actors
