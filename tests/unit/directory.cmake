set(directory ${CMAKE_SOURCE_DIR}/svc-directory)
set(directory_logic ${directory}/certlogic.c ${directory}/certlogic_time.c ${directory}/certlogic_value.c)
set(directory_rules ${directory}/rules.c ${directory_logic})
phi_test(test_directory_certlogic SOURCES test_directory_certlogic.c ${directory_logic} ROOMS json base PACKAGES jansson)
phi_test(test_directory_rules SOURCES test_directory_rules.c ${directory_rules} ${directory}/input.c
  ROOMS service PACKAGES jansson)
phi_test(test_directory_decide SOURCES test_directory_decide.c ${directory}/decide.c ${directory_rules}
  ROOMS json codes base PACKAGES jansson)
phi_test(test_directory_challenge SOURCES test_directory_challenge.c ${directory}/challenge.c ROOMS crypto base)
phi_test(test_directory_fact SOURCES test_directory_fact.c ${directory}/fact.c ROOMS bus json codes crypto base
  PACKAGES jansson)
foreach(part certlogic rules decide)
  target_link_libraries(test_directory_${part} PRIVATE m)
endforeach()
target_compile_definitions(test_directory_rules PRIVATE RULES_FOLDER="${directory}/rules")
