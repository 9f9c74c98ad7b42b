// The stable names of all diagnostics of compose files, as they stand at the end of a message and as `berth explain`
// takes them. A name that has been released keeps its meaning; pages_*.cpp has a page for each,
// tests/golden/diagnostics a case.
#pragma once

#include <cstdint>

namespace berth::compose {

enum class Code : std::uint8_t {
  // The text
  YamlSyntax,
  TabIndentation,
  KeyNotText,
  DuplicateKey,
  MergeNotMap,
  AnchorCycle,
  BadBase64,
  NotUtf8,
  LimitExceeded,
  NotAComposeFile,
  EmptyFile,
  // Files, variables, names
  NoComposeFile,
  FileUnreadable,
  EnvFileMissing,
  EnvFileSyntax,
  EnvFileFormat,
  VariableUnset,
  RequiredVariable,
  BadInterpolation,
  ProjectName,
  IncludeForm,
  IncludeCycle,
  ExtendsForm,
  ExtendsCycle,
  ExtendsMissing,
  VersionObsolete,
  NoSuchService,
  SeccompProfile,
  // The structure
  UnknownKey,
  MissingKey,
  EmptyValue,
  WrongType,
  UnknownWord,
  OutOfRange,
  ListedTwice,
  BadName,
  ContainerName,
  BadNumber,
  BadSize,
  BadDuration,
  BadFileMode,
  BadPort,
  BadVolume,
  BadDevice,
  BadHost,
  MissingValue,
  UnclosedQuote,
  // What no single value shows
  EmptyService,
  NoImage,
  OneSource,
  ExternalKeys,
  ExclusiveKeys,
  DifferentValues,
  MountTwice,
  HealthTest,
  RestartPolicy,
  UndefinedService,
  UndefinedResource,
  InactiveProfile,
  DependencyCycle,
  NoBuild,
  ContainerNameTaken,
  // What this version does not do
  Unsupported,
  NoEffect,
  Count,
};

const char* name_of(Code code);  // "unknown-key"

}  // namespace berth::compose
