//! What an operator who knows Ansible writes, on real hosts.

use crate::harness::Lab;

/// Results of loops, a rescue, handlers, another host's doing, included tasks, other users and hostile names.
const STORY: &str = r#"
- hosts: frontends
  gather_facts: false
  parallel: all
  vars: {dir: /root/story, hostile: "a b'c $(touch pwned) ünï"}
  handlers:
    - name: told by its topic
      listen: [something changed]
      command: touch {{ dir }}/handled
  tasks:
    - ansible.builtin.file: dest={{ dir }} state=directory mode=0750
    - shell: |
        for i in $(seq 1 20000); do echo "line $i"; done
        ss -tn state established '( sport = :22 )' | grep -c :22 >&2
      register: many
      changed_when: false
    - name: many lines, and one connection
      assert: {that: [many.stdout_lines | length == 20000, many.stderr == '1']}
    - command: echo {{ item }}
      loop: [one, two, three]
      when: item != 'two'
      register: said
      changed_when: false
    - assert:
        that: said.results | map(attribute='stdout', default='-') | join(',') == 'one,-,three'
    - name: by another user, and with a variable
      command: sh -c 'echo "$(id -un) $GREETING"'
      become: true
      become_user: oneadmin
      environment: {GREETING: "bon jour"}
      register: who
      changed_when: false
    - assert: {that: who.stdout == 'oneadmin bon jour'}
    - block:
        - command: sh -c 'exit 3'
      rescue:
        - assert: {that: ansible_failed_result.rc == 3}
        - command: touch {{ dir }}/rescued
          args: {creates: "{{ dir }}/rescued"}
      always:
        - copy: {content: "x\n", dest: "{{ dir }}/{{ hostile }}"}
          notify: something changed
    - meta: flush_handlers
    - name: into a directory, under its own name
      copy: {src: story.txt, dest: "{{ dir }}"}
    - include_tasks: look.yml
      loop: [handled, rescued, story.txt, "{{ hostile }}"]
      loop_control: {loop_var: name}
    - stat: path=/root/pwned
      register: pwned
    - assert: {that: not pwned.stat.exists}
    - name: on the master, once for all
      command: hostname
      delegate_to: fe-eu-fr
      run_once: true
      register: master
      changed_when: false
    - assert: {that: master.stdout == 'fe-eu-fr'}
    - shell: echo x >> {{ dir }}/tries; wc -l < {{ dir }}/tries
      register: tries
      until: tries.stdout | int == 3
      retries: 5
      delay: 0
    - command: sleep 30
      timeout: 1
      ignore_errors: true
      register: slept
    - assert: {that: slept is failed}
    - file: path={{ dir }} state=absent
"#;

const LOOK: &str = "- stat: {path: \"{{ dir }}/{{ name }}\"}\n  register: found\n\
    - assert: {that: found.stat.exists}\n";

#[test]
fn a_playbook_as_operators_write_them() {
    let Some(lab) = Lab::sqlite("language").boot() else {
        return;
    };
    let playbook = lab.file("story.yml", STORY);
    lab.file("look.yml", LOOK);
    lab.file("story.txt", "a story\n");
    let listed = lab.nebplay([playbook.as_os_str()]).args(["--list-tasks"]).run();
    listed.expect_code(0).expect_shown("by another user");
    lab.nebplay([playbook.as_os_str()]).run().expect_code(0);
    let limited = lab
        .nebplay([playbook.as_os_str()])
        .args(["-l", "fe-eu-gee"])
        .run();
    limited.expect_code(3).expect_shown("did you mean `fe-eu-ge`?");
    // One failing task ends it with the documented code.
    let failing = lab.file(
        "fails.yml",
        "- hosts: slaves\n  tasks:\n    - command: sh -c 'exit 9'\n",
    );
    lab.nebplay([failing])
        .run()
        .expect_code(2)
        .expect_shown("exit status 9");
}
