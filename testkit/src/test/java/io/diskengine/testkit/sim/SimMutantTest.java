package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.diskengine.testkit.house.HouseTest;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A law is held by its guard: where the guard is taken out of the bytecode of the class that has
 * it, the law's scene must fail; with the guard it passes.
 */
class SimMutantTest {
  private static final String MODEL = "io.diskengine.model.plan.";
  private static final String AGENT = "io.diskengine.agent.";

  /**
   * A guard that is taken out.
   *
   * @param scene a method of {@link SimLawScenes}
   */
  private record Mutant(
      String law, String className, String method, String scene, String what, Change change) {
    @Override
    public String toString() {
      return "law " + law + ": " + className + "." + method + " " + what;
    }
  }

  /** What becomes of the code of a method. */
  private interface Change {
    CodeTransform transform();
  }

  private static Change body(Consumer<CodeBuilder> code) {
    return () ->
        new CodeTransform() {
          private boolean done;

          @Override
          public void accept(CodeBuilder builder, java.lang.classfile.CodeElement element) {
            if (!done) {
              done = true;
              code.accept(builder);
            }
          }
        };
  }

  private static Change answers(boolean constant) {
    return body(b -> {
      if (constant) {
        b.iconst_1();
      } else {
        b.iconst_0();
      }
      b.ireturn();
    });
  }

  private static Change first(Consumer<CodeBuilder> code) {
    return () -> {
      boolean[] done = {false};
      return (builder, element) -> {
        if (!done[0]) {
          done[0] = true;
          code.accept(builder);
        }
        builder.with(element);
      };
    };
  }

  /** Instead of each call of a method without parameters. */
  private static Change insteadOf(String called, Consumer<CodeBuilder> code) {
    return () ->
        (builder, element) -> {
          boolean meant =
              element instanceof InvokeInstruction i && i.name().stringValue().equals(called);
          if (meant) {
            code.accept(builder);
          } else {
            builder.with(element);
          }
        };
  }

  static Stream<Mutant> mutants() {
    return Stream.of(
        new Mutant("2", MODEL + "Facts", "isKnown", "unknownIsNotAbsent", "= true", answers(true)),
        new Mutant(
            "3", MODEL + "ReplicaPlanner", "isOurs", "existsIsNotCorrect", "= true", answers(true)),
        new Mutant(
            "4",
            AGENT + "UnderWay$Answers",
            "ended",
            "aTimeoutIsIndeterminate",
            "frees what has no answer",
            first(b -> b.aconst_null().astore(3))),
        new Mutant(
            "4",
            AGENT + "LateAttaches",
            "inherited",
            "whatAnAgentBeforeSentMayCome",
            "does nothing",
            body(b -> b.return_())),
        new Mutant(
            "4",
            AGENT + "Backoffs",
            "ready",
            "whatHasNoAnswerIsNotGone",
            "does not ask what is under way",
            insteadOf("contains", b -> b.pop2().iconst_0())),
        new Mutant(
            "4",
            MODEL + "Attachment",
            "mayComeSoon",
            "anAttachThatMayComeSoonIsNotSentAgain",
            "= false",
            answers(false)),
        new Mutant(
            "5",
            AGENT + "Chains",
            "drop",
            "whatFollowsSomethingThatFailedIsNotSent",
            "does nothing",
            body(b -> b.return_())),
        new Mutant(
            "7",
            "io.diskengine.model.NodeView",
            "hasSameVolume",
            "whatFollowsIsNotSentWhenItsRowsHaveChanged",
            "= true",
            answers(true)),
        new Mutant(
            "5", MODEL + "Laws", "mayCome", "whatMayComeIsNotGone", "= false", answers(false)),
        new Mutant(
            "5",
            MODEL + "DetachmentPlanner",
            "controllersGone",
            "acceptedIsNotDone",
            "= true",
            answers(true)),
        new Mutant(
            "6",
            AGENT + "Reconciler",
            "lookAgain",
            "factsBelongToAnIncarnation",
            "does nothing",
            body(b -> b.return_())),
        new Mutant(
            "7",
            AGENT + "Chain",
            "next",
            "nothingIsSentAfterHalfOfTheLease",
            "does not ask",
            insteadOf("getAsBoolean", b -> b.pop().iconst_1())),
        new Mutant(
            "7",
            AGENT + "NodeLease",
            "isHeld",
            "nothingIsSentAfterHalfOfTheLease",
            "= true",
            answers(true)),
        new Mutant(
            "7", MODEL + "Laws", "isRevoked", "oneWriterForEachVolume", "= true", answers(true)),
        new Mutant(
            "7",
            MODEL + "FencedPlanner",
            "release",
            "whatWasTakenAwayIsReleased",
            "does nothing",
            body(b -> b.return_())),
        new Mutant(
            "8",
            MODEL + "Laws",
            "mustChooseTruth",
            "oneTruthAfterAnUncleanStop",
            "= false",
            answers(false)),
        new Mutant(
            "9", MODEL + "Laws", "mayDrop", "theLastCopyIsUntouchable", "= true", answers(true)),
        new Mutant(
            "10",
            MODEL + "DetachmentPlanner",
            "vhostGone",
            "nothingGoesUnderWhatUsesIt",
            "= true",
            answers(true)),
        new Mutant(
            "11",
            MODEL + "Laws",
            "mayDelete",
            "onlyWhatHasATombstoneIsDeleted",
            "= true",
            answers(true)),
        new Mutant(
            "12",
            "io.diskengine.model.Names",
            "tag",
            "anIdThatIsGivenAgainAdoptsNothing",
            "= 000000",
            body(b -> b.ldc("000000").areturn())),
        new Mutant(
            "13",
            AGENT + "SequenceFile",
            "accept",
            "theDatabaseDoesNotGoBackInTime",
            "= true",
            answers(true)),
        new Mutant(
            "14",
            AGENT + "Reasons",
            "due",
            "whoeverWaitsSaysWhy",
            "= nothing",
            body(b -> b.aconst_null().areturn())),
        new Mutant("15", AGENT + "Backoffs", "isDue", "triesAreBounded", "= true", answers(true)),
        new Mutant(
            "15",
            AGENT + "Backoffs",
            "ready",
            "triesAreBounded",
            "= all that is planned",
            body(b ->
                b.aload(1)
                    .invokevirtual(
                        ClassDesc.of(MODEL + "Plan"),
                        "work",
                        MethodTypeDesc.of(ConstantDescs.CD_List))
                    .areturn())));
  }

  private static byte[] mutated(Mutant mutant, byte[] bytes) {
    ClassFile file = ClassFile.of();
    int[] changed = {0};
    ClassTransform transform =
        (builder, element) -> {
          if (element instanceof MethodModel m && isMeant(mutant, m)) {
            changed[0]++;
            builder.transformMethod(
                m, java.lang.classfile.MethodTransform.transformingCode(mutant.change.transform()));
          } else {
            builder.with(element);
          }
        };
    byte[] result = file.transformClass(file.parse(bytes), transform);
    assertThat(changed[0]).as("methods that are %s", mutant).isPositive();
    return result;
  }

  private static boolean isMeant(Mutant mutant, MethodModel m) {
    String name = m.methodName().stringValue();
    return m.code().isPresent() && name.equals(mutant.method);
  }

  private static byte[] bytes(String className) throws IOException {
    String file = className.replace('.', '/') + ".class";
    try (InputStream in =
        Objects.requireNonNull(SimMutantTest.class.getClassLoader().getResourceAsStream(file))) {
      return in.readAllBytes();
    }
  }

  /** Loads the project anew, with one class changed. */
  private static final class Loader extends ClassLoader {
    private final Mutant mutant;

    Loader(Mutant mutant) {
      super(SimMutantTest.class.getClassLoader());
      this.mutant = mutant;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("io.diskengine.")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded != null ? loaded : define(name);
      }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
      try {
        byte[] all = bytes(name);
        byte[] defined = name.equals(mutant.className) ? mutated(mutant, all) : all;
        return defineClass(name, defined, 0, defined.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }

  /** Empty when it passed. */
  private static String play(Class<?> scenes, String scene) throws ReflectiveOperationException {
    try {
      Object unused = scenes.getMethod(scene).invoke(null);
      return "";
    } catch (InvocationTargetException e) {
      return String.valueOf(e.getCause().getMessage()).lines().findFirst().orElse("failed");
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mutants")
  void aLawWithoutItsGuardIsNoticed(Mutant mutant) throws Exception {
    assertThat(play(SimLawScenes.class, mutant.scene)).as("with its guard").isEmpty();
    Class<?> scenes = new Loader(mutant).loadClass(SimLawScenes.class.getName());
    String noticed = play(scenes, mutant.scene);
    System.out.println(mutant + ", in " + mutant.scene + ": " + noticed);
    assertThat(noticed).as("without its guard").isNotEmpty();
  }

  /** Law 1 is a rule for packages; here a planner that asks the clock. */
  @Test
  void aPlannerThatAsksTheClockIsNoticed(@TempDir Path dir) throws IOException {
    Mutant mutant =
        new Mutant(
            "1",
            MODEL + "Laws",
            "mayDrop",
            "",
            "asks the clock",
            first(b ->
                b.invokestatic(
                        ClassDesc.of("java.lang.System"),
                        "nanoTime",
                        MethodTypeDesc.of(ConstantDescs.CD_long))
                    .pop2()));
    Path file = dir.resolve("Laws.class");
    byte[] own = bytes(MODEL + "Laws");
    Files.write(file, own);
    HouseTest.MODEL_IS_PURE.check(new ClassFileImporter().importPath(dir));
    Files.write(file, mutated(mutant, own));
    var impure = new ClassFileImporter().importPath(dir);
    assertThatThrownBy(() -> HouseTest.MODEL_IS_PURE.check(impure))
        .isInstanceOf(AssertionError.class)
        .satisfies(e -> System.out.println(mutant + ", in HouseTest.modelIsPure: " + firstLine(e)));
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().skip(1).findFirst().orElse("");
  }
}
