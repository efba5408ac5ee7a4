package io.diskengine.testkit.house;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Who may depend on whom: the table of docs/ARCHITECTURE.md, "The house". */
public class HouseTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(place -> !place.contains("/test-classes/") && !place.contains("/test/"))
          .importPackages("io.diskengine");

  /** Each room and the rooms of ours that it may use besides itself. */
  private static final Map<String, List<String>> MAY_USE =
      Map.of(
          "nvme", List.of(),
          "spdkrpc", List.of(),
          "engine", List.of("nvme", "spdkrpc"),
          "model", List.of(),
          "store", List.of("model"),
          "agent", List.of("model", "store", "spdkrpc"),
          "api", List.of("model", "store"),
          "app", List.of("nvme", "spdkrpc", "engine", "model", "store", "agent", "api"));

  /** The engine's packages, low to high: each uses lower ones only. */
  private static final List<String> ENGINE_LOW_TO_HIGH =
      List.of("linux", "reactor", "bdev", "lvol", "raid", "nvmf", "host", "vhost", "rpc");

  static Stream<String> rooms() {
    return MAY_USE.keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("rooms")
  void roomUsesOnlyWhatTheTableAllows(String room) {
    assertThat(CLASSES.stream().anyMatch(c -> c.getPackageName().startsWith(name(room))))
        .as("classes of " + room + " were found")
        .isTrue();
    List<String> forbidden = new ArrayList<>();
    for (String other : MAY_USE.keySet()) {
      if (!other.equals(room) && !MAY_USE.get(room).contains(other)) {
        forbidden.add(name(other) + "..");
      }
    }
    forbidden.add("io.diskengine.testkit..");
    forbidden.add("io.diskengine.bench..");
    check(
        noClasses()
            .that()
            .resideInAPackage(name(room) + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(forbidden.toArray(String[]::new)));
  }

  @Test
  void enginePackagesUseLowerOnesOnly() {
    for (int i = 0; i < ENGINE_LOW_TO_HIGH.size(); i++) {
      String[] higher =
          ENGINE_LOW_TO_HIGH.subList(i + 1, ENGINE_LOW_TO_HIGH.size()).stream()
              .map(p -> "io.diskengine.engine." + p + "..")
              .toArray(String[]::new);
      if (higher.length > 0) {
        check(
            noClasses()
                .that()
                .resideInAPackage("io.diskengine.engine." + ENGINE_LOW_TO_HIGH.get(i) + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(higher));
      }
    }
  }

  /** It judges what lvol writes, so it may share nothing with it; and no data path needs it. */
  @Test
  void storeCheckKnowsNothingOfTheEngineAndIsKnownByNoneOfIt() {
    String check = "io.diskengine.engine.lvcheck..";
    check(
        noClasses()
            .that()
            .resideInAPackage(check)
            .should()
            .dependOnClassesThat(
                resideInAPackage("io.diskengine..")
                    .and(
                        DescribedPredicate.not(
                            resideInAnyPackage(
                                check, "io.diskengine.engine.linux..", "io.diskengine.nvme..")))));
    check(
        noClasses()
            .that(resideInAPackage("io.diskengine.engine.."))
            .and(DescribedPredicate.not(resideInAPackage(check)))
            .should()
            .dependOnClassesThat(resideInAPackage(check)));
  }

  @Test
  void assemblyIsUsedByNoPartOfTheEngine() {
    check(
        noClasses()
            .that(resideInAnyPackage("io.diskengine.engine.."))
            .and(DescribedPredicate.not(resideInAPackage("io.diskengine.engine")))
            .should()
            .dependOnClassesThat(resideInAPackage("io.diskengine.engine")));
  }

  @Test
  void dataPathHasNoLocks() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(
                "io.diskengine.engine.bdev..",
                "io.diskengine.engine.lvol..",
                "io.diskengine.engine.raid..",
                "io.diskengine.engine.nvmf..",
                "io.diskengine.engine.host..",
                "io.diskengine.engine.vhost..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.util.concurrent.locks.."));
  }

  /** Law 1. */
  public static final ArchRule MODEL_IS_PURE =
      noClasses()
          .that()
          .resideInAPackage("io.diskengine.model..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..", "java.net.http..", "java.sql..", "org.slf4j..", "java.util.concurrent..")
          .orShould()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(java.time.Instant.class, "now");

  @Test
  void modelIsPure() {
    check(MODEL_IS_PURE);
  }

  @Test
  void everyPackageIsNullMarked() {
    ArchRule rule =
        ArchRuleDefinition.classes()
            .that()
            .resideInAPackage("io.diskengine..")
            .should(
                be(
                    DescribedPredicate.describe(
                        "in a @NullMarked package",
                        c ->
                            c.getPackage()
                                .isAnnotatedWith("org.jspecify.annotations.NullMarked"))));
    check(rule);
  }

  private static String name(String room) {
    return "io.diskengine." + room;
  }

  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }
}
