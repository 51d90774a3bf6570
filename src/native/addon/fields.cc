#include "fields.h"

#include <cmath>

namespace ratatoskr {

Fields::Fields(Napi::Env env, const Napi::Value& value) : env_(env) {
  if (value.IsObject()) {
    object_ = value.As<Napi::Object>();
  } else {
    Fail("options", "an object");
  }
}

std::string Fields::Text(const char* name) {
  std::optional<std::string> text = OptionalText(name);
  if (ok_ && !text) Fail(name, "a string");
  return text.value_or("");
}

std::optional<std::string> Fields::OptionalText(const char* name) {
  const Napi::Value value = Get(name);
  if (!ok_ || value.IsUndefined()) return std::nullopt;
  if (!value.IsString()) {
    Fail(name, "a string");
    return std::nullopt;
  }
  std::string text = value.As<Napi::String>().Utf8Value();
  // The kernel would stop reading at a NUL, and act on another name than the caller's.
  if (text.find('\0') == std::string::npos) return text;
  Fail(name, "a string without NUL");
  return std::nullopt;
}

std::int64_t Fields::Integer(const char* name, std::int64_t minimum, std::int64_t maximum) {
  const std::optional<std::int64_t> number = OptionalInteger(name, minimum, maximum);
  if (ok_ && !number) Fail(name, "a number");
  return number.value_or(0);
}

std::optional<std::int64_t> Fields::OptionalInteger(const char* name, std::int64_t minimum, std::int64_t maximum) {
  const Napi::Value value = Get(name);
  if (!ok_ || value.IsUndefined()) return std::nullopt;
  // NaN fails each comparison, so it must not be what lets a value pass.
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum)) return static_cast<std::int64_t>(number);
  Fail(name, "a number in range");
  return std::nullopt;
}

bool Fields::Flag(const char* name) {
  const Napi::Value value = Get(name);
  if (!ok_ || value.IsUndefined()) return false;
  if (!value.IsBoolean()) {
    Fail(name, "a boolean");
    return false;
  }
  return value.As<Napi::Boolean>().Value();
}

std::vector<std::uint8_t> Fields::Bytes(const char* name, std::optional<std::size_t> length) {
  const Napi::Value value = Get(name);
  if (!ok_) return {};
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto bytes = value.As<Napi::Uint8Array>();
    if (!length || bytes.ElementLength() == *length) return {bytes.Data(), bytes.Data() + bytes.ElementLength()};
  }
  Fail(name, length ? "a Uint8Array of its length" : "a Uint8Array");
  return {};
}

Napi::Value Fields::Get(const char* name) {
  if (!ok_) return env_.Undefined();
  const Napi::Value value = object_.Get(name);
  if (!env_.IsExceptionPending()) return value;
  ok_ = false;
  return env_.Undefined();
}

void Fields::Fail(const char* name, const char* expected) {
  ok_ = false;
  Napi::TypeError::New(env_, std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
}

}  // namespace ratatoskr
