set(directory ${CMAKE_SOURCE_DIR}/svc-directory)
set(directory_rules ${directory}/rules/rules.c ${directory}/rules/input.c)
phi_test(test_directory_rules SOURCES test_directory_rules.c ${directory_rules}
  ${directory}/grading/input.c ROOMS service certlogic PACKAGES jansson)
phi_test(test_directory_decide SOURCES test_directory_decide.c ${directory}/grading/decide.c ${directory_rules}
  ROOMS certlogic json codes base PACKAGES jansson)
phi_test(test_directory_challenge SOURCES test_directory_challenge.c ${directory}/query/challenge.c ROOMS crypto base)
phi_test(test_directory_fact SOURCES test_directory_fact.c ${directory}/facts/fact.c ROOMS bus json codes crypto base
  PACKAGES jansson)
target_compile_definitions(test_directory_rules PRIVATE RULES_FOLDER="${directory}/rules")
