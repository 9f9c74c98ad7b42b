// Structs ⇄ JSON by description (BOOST_DESCRIBE_STRUCT / BOOST_DESCRIBE_ENUM): one format for socket, disk and hash.
//
// Members that hold their default are left out, so that a new field with a default changes neither hashes nor old
// records; unknown members are ignored and missing ones keep their default, so that old and new programs read each
// other's records. Enumerators are written as their name, durations as nanoseconds, ByteSize as bytes, strong strings
// as strings. Meant for .cpp files only: it brings in Boost.JSON.
#pragma once

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "berth/base/byte_size.hpp"
#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"

namespace berth::json {

namespace detail {
template <class T>
struct is_strong : std::false_type {};
template <class Tag>
struct is_strong<StrongString<Tag>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_set : std::false_type {};
template <class T>
struct is_set<std::set<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class K, class V>
struct is_map<std::map<K, V>> : std::true_type {};
template <class T>
struct is_duration : std::false_type {};
template <class R, class P>
struct is_duration<std::chrono::duration<R, P>> : std::true_type {};

template <class K>
std::string key_text(const K& key) {
  if constexpr (is_strong<K>::value)
    return key.value;
  else
    return key;
}
}  // namespace detail

template <class T>
boost::json::value encode(const T& value);

template <class T>
boost::json::object encode_struct(const T& value) {
  using Members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  [[maybe_unused]] static const T defaults{};
  boost::json::object object;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    const auto& field = value.*member.pointer;
    if (!(field == defaults.*member.pointer)) object.emplace(member.name, encode(field));
  });
  return object;
}

template <class T>
boost::json::value encode(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_floating_point_v<T>)
    return value;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<std::int64_t>(value);
  else if constexpr (std::is_same_v<T, std::string>)
    return boost::json::value(boost::json::string(value));
  else if constexpr (std::is_same_v<T, ByteSize>)
    return value.bytes;
  else if constexpr (detail::is_strong<T>::value)
    return boost::json::value(boost::json::string(value.value));
  else if constexpr (detail::is_duration<T>::value)
    return static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(value).count());
  else if constexpr (detail::is_optional<T>::value)
    return value ? encode(*value) : boost::json::value(nullptr);
  else if constexpr (detail::is_vector<T>::value || detail::is_set<T>::value) {
    boost::json::array array;
    for (const auto& item : value) array.push_back(encode<typename T::value_type>(item));
    return array;
  } else if constexpr (detail::is_map<T>::value) {
    boost::json::object object;
    for (const auto& [key, item] : value) object.emplace(detail::key_text(key), encode(item));
    return object;
  } else if constexpr (std::is_enum_v<T>) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    return name ? boost::json::value(boost::json::string(name)) : boost::json::value(nullptr);
  } else
    return encode_struct(value);
}

template <class T>
std::string encode_text(const T& value) {
  return boost::json::serialize(encode(value));
}

// Fills `out`; false where the JSON has another shape than T. `path` names the place for the message.
template <class T>
bool decode(const boost::json::value& json, T& out, std::string& path);

template <class T>
bool decode_struct(const boost::json::value& json, T& out, std::string& path) {
  const auto* object = json.if_object();
  if (!object) return false;
  using Members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  bool good = true;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    if (!good) return;
    if (const auto* field = object->if_contains(member.name)) {
      const std::size_t length = path.size();
      path += std::string(".") + member.name;
      good = decode(*field, out.*member.pointer, path);
      if (good) path.resize(length);
    }
  });
  return good;
}

template <class T>
bool decode(const boost::json::value& json, T& out, std::string& path) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_bool()) return false;
    out = json.get_bool();
  } else if constexpr (std::is_floating_point_v<T>) {
    boost::system::error_code failed;
    out = json.to_number<T>(failed);
    return !failed;
  } else if constexpr (std::is_integral_v<T>) {
    boost::system::error_code failed;
    out = json.to_number<T>(failed);
    return !failed;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return false;
    out.assign(json.get_string().data(), json.get_string().size());  // may hold NUL bytes
  } else if constexpr (std::is_same_v<T, ByteSize>) {
    return decode(json, out.bytes, path);
  } else if constexpr (detail::is_strong<T>::value) {
    return decode(json, out.value, path);
  } else if constexpr (detail::is_duration<T>::value) {
    std::int64_t nanoseconds = 0;
    if (!decode(json, nanoseconds, path)) return false;
    out = std::chrono::duration_cast<T>(std::chrono::nanoseconds(nanoseconds));
  } else if constexpr (detail::is_optional<T>::value) {
    if (json.is_null()) {
      out.reset();
      return true;
    }
    return decode(json, out.emplace(), path);
  } else if constexpr (detail::is_vector<T>::value || detail::is_set<T>::value) {
    const auto* array = json.if_array();
    if (!array) return false;
    out.clear();
    for (const auto& element : *array) {
      typename T::value_type item{};
      if (!decode(element, item, path)) return false;
      if constexpr (detail::is_set<T>::value)
        out.insert(std::move(item));
      else
        out.push_back(std::move(item));
    }
  } else if constexpr (detail::is_map<T>::value) {
    const auto* object = json.if_object();
    if (!object) return false;
    out.clear();
    for (const auto& [key, element] : *object)
      if (!decode(element, out[typename T::key_type(std::string(key))], path)) return false;
  } else if constexpr (std::is_enum_v<T>) {
    return json.is_string() && boost::describe::enum_from_string(json.get_string().c_str(), out);
  } else {
    return decode_struct(json, out, path);
  }
  return true;
}

template <class T>
Result<T> decode(const boost::json::value& json) {
  T out{};
  std::string path;
  if (!decode(json, out, path)) return Error::make(ErrorKind::Protocol, "unexpected JSON at `" + path + "`");
  return out;
}

template <class T>
Result<T> decode_text(std::string_view text) {
  boost::system::error_code failed;
  auto json = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed) return Error::make(ErrorKind::Protocol, "not JSON: " + failed.message());
  return decode<T>(json);
}

}  // namespace berth::json
