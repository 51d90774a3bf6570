#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ratatoskr {

// Reads the fields of an options object. The first one that is missing or out of range makes ok() false, throws a
// TypeError or RangeError in JS, and leaves the rest of the reads without effect.
class Fields {
 public:
  Fields(Napi::Env env, const Napi::Value& value);

  bool ok() const { return ok_; }
  std::string Text(const char* name);
  std::optional<std::string> OptionalText(const char* name);
  std::int64_t Integer(const char* name, std::int64_t minimum, std::int64_t maximum);
  std::optional<std::int64_t> OptionalInteger(const char* name, std::int64_t minimum, std::int64_t maximum);
  bool Flag(const char* name);
  // A copy of a Uint8Array, `length` bytes of it when that is given.
  std::vector<std::uint8_t> Bytes(const char* name, std::optional<std::size_t> length = std::nullopt);

 private:
  Napi::Value Get(const char* name);
  void Fail(const char* name, const char* expected);

  Napi::Env env_;
  Napi::Object object_;
  bool ok_ = true;
};

}  // namespace ratatoskr
