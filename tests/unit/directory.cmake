set(directory ${CMAKE_SOURCE_DIR}/svc-directory)
set(directory_rules ${directory}/rules/rules.c ${directory}/rules/input.c ${directory}/rules/book.c)
phi_test(test_directory_rules SOURCES test_directory_rules.c ${directory}/rules/rules.c ${directory}/rules/input.c ${directory}/grading/input.c
  ${directory}/grading/known.c ROOMS service certlogic PACKAGES jansson)
phi_test(test_directory_decide SOURCES test_directory_decide.c ${directory}/grading/decide.c ROOMS codes base)
phi_test(test_directory_challenge SOURCES test_directory_challenge.c ${directory}/query/challenge.c ROOMS crypto base)
phi_test(test_directory_fact SOURCES test_directory_fact.c ${directory}/facts/fact.c ROOMS bus json codes crypto base
  PACKAGES jansson)
target_compile_definitions(test_directory_rules PRIVATE RULES_FOLDER="${directory}/rules")
set(directory_grading ${directory_rules} ${directory}/grading/grading.c
  ${directory}/grading/known.c ${directory}/grading/judge.c ${directory}/grading/decide.c ${directory}/grading/entries.c ${directory}/grading/gone.c
  ${directory}/grading/reasons.c ${directory}/grading/input.c ${directory}/grading/due_batch.c ${directory}/grading/places.c ${directory}/grading/silence.c ${directory}/grading/retain.c
  ${directory}/publish/tell.c ${directory}/open/book.c ${directory}/open/put.c)
# Against a real PostgreSQL, thrown away afterwards.
phi_test(test_directory_grading SOURCES test_directory_grading.c ${directory_grading} ROOMS service certlogic open
  PACKAGES jansson RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
target_compile_definitions(test_directory_grading PRIVATE DIRECTORY_SQL="${directory}/sql")
phi_test(test_directory_report SOURCES test_directory_report.c ${directory}/rules/report.c ROOMS codes json base
  PACKAGES jansson)
phi_test(test_directory_reference SOURCES test_directory_reference.c ${directory}/facts/stays.c
  ${directory}/facts/reference_read.c ROOMS service PACKAGES jansson)
