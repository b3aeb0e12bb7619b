{{/* Labels of everything of one part: {root, part} */}}
{{- define "overstap.labels" -}}
app.kubernetes.io/name: overstap
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "overstap.image" -}}
image: {{ printf "%s:%s" .Values.image.repository .Values.image.tag | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "overstap.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {runAsUser: 50000, runAsGroup: 0, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "overstap.contained" -}}
securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
{{- end }}

{{/* Settings that every process of ours has */}}
{{- define "overstap.settings" -}}
- {name: SECRETS, value: /etc/overstap/secrets}
- {name: DATABASE_HOST, value: {{ .Values.databaseHost | quote }}}
- {name: LEDGER_DATABASE, value: {{ .Values.ledgerDatabase | quote }}}
- {name: OVERSTAP_PRODUCTION, value: {{ not .Values.trial | quote }}}
- {name: OVERSTAP_TRIAL, value: {{ .Values.trial | quote }}}
- {name: OVERSTAP_REVIEW_ADDRESS, value: {{ .Values.reviewAddress | quote }}}
- {name: OVERSTAP_SCHOOL_ADDRESS, value: {{ .Values.schoolAddress | quote }}}
- {name: OVERSTAP_SECURITY_CONTACT, value: {{ .Values.securityContact | quote }}}
{{- end }}

{{/* Volumes: the login's secret, room for temporary files, and the claims that are named: {root, secret, claims} */}}
{{- define "overstap.volumes" -}}
- name: secrets
  secret: {secretName: {{ .secret }}, defaultMode: 0444}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- range .claims }}
- name: {{ . }}
  persistentVolumeClaim: {claimName: {{ index $.root.Values.claims . }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "overstap.mounts" -}}
- {name: secrets, mountPath: /etc/overstap/secrets, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- range .claims }}
- {name: {{ . }}, mountPath: /var/lib/overstap/{{ . }}, readOnly: true}
{{- end }}
{{- end }}
